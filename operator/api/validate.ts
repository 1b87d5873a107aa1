import { nearest } from './nearest.ts';
import type {
  Field,
  IntegerSchema,
  ListSchema,
  MapSchema,
  ObjectSchema,
  Platform,
  Rule,
  Schema,
  StringSchema,
} from './schema.ts';

export type Path = readonly (string | number)[];

/** Something that a person has to write otherwise. `message` is a sentence that names the place and what fits there. */
export interface Problem {
  path: Path;
  /** Whether the name at the end of the path is at fault, or what stands there. */
  on: 'key' | 'value';
  message: string;
}

export interface Validated {
  /** With defaults filled in; of the schema's type where there are no problems. */
  value: unknown;
  problems: Problem[];
}

/** Checks a plain value, as YAML or JSON gives it, and fills in defaults. All problems are found, not only the first. */
export function validate(schema: Schema, value: unknown, platform: Platform, path: Path = []): Validated {
  const checked = validateType(schema, value, platform, path);
  if (checked.problems.length > 0) return checked;
  return { value: checked.value, problems: brokenRules(schema.rules, checked.value, platform, path) };
}

/** `spec.smtp.senderRanges[0]` */
export function formatPath(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? part : `${text}.${part}`;
  }, '');
}

function validateType(schema: Schema, value: unknown, platform: Platform, path: Path): Validated {
  switch (schema.type) {
    case 'string':
      return { value, problems: stringProblems(schema, value, path) };
    case 'integer':
      return { value, problems: integerProblems(schema, value, path) };
    case 'list':
      return validateList(schema, value, platform, path);
    case 'map':
      return validateMap(schema, value, platform, path);
    case 'object':
      return validateObject(schema, value, platform, path);
  }
}

function stringProblems(schema: StringSchema, value: unknown, path: Path): Problem[] {
  if (typeof value !== 'string') {
    if (typeof value === 'number' || typeof value === 'boolean') {
      return [problem(path, `must be text, not ${describe(value)}; put it in quotes if it is meant`)];
    }
    return [problem(path, `must be text, not ${describe(value)}`)];
  }
  if (schema.enum !== undefined) {
    if (schema.enum.includes(value)) return [];
    const meant = nearest(value, schema.enum);
    const guess = meant === undefined ? '' : `; did you mean ${meant}?`;
    return [problem(path, `must be one of ${schema.enum.join(', ')}, not ${describe(value)}${guess}`)];
  }
  const length = Array.from(value).length;
  if (length < (schema.minLength ?? 0) && value === '') return [problem(path, 'must not be empty')];
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value)) {
    return [problem(path, `must be ${schema.expected ?? `text that fits ${schema.pattern}`}, not ${describe(value)}`)];
  }
  if (length < (schema.minLength ?? 0)) return [problem(path, `must have at least ${schema.minLength} characters`)];
  if (length > (schema.maxLength ?? Number.POSITIVE_INFINITY)) {
    return [problem(path, `must have at most ${schema.maxLength} characters, and this has ${length}`)];
  }
  if (schema.format === 'date-time' && Number.isNaN(Date.parse(value))) {
    return [problem(path, `must be a time such as 2026-01-31T12:00:00Z, not ${describe(value)}`)];
  }
  return [];
}

function integerProblems(schema: IntegerSchema, value: unknown, path: Path): Problem[] {
  const range = `a whole number from ${schema.minimum} to ${schema.maximum}`;
  if (typeof value === 'string' && /^-?[0-9]+$/.test(value)) {
    return [problem(path, `must be ${range}; write ${value} without quotes`)];
  }
  if (!Number.isSafeInteger(value)) return [problem(path, `must be ${range}, not ${describe(value)}`)];
  if (Number(value) < schema.minimum || Number(value) > schema.maximum) {
    return [problem(path, `must be ${range}, not ${describe(value)}`)];
  }
  return [];
}

function validateList(schema: ListSchema, value: unknown, platform: Platform, path: Path): Validated {
  if (!Array.isArray(value)) {
    return {
      value,
      problems: [problem(path, `must be a list, not ${describe(value)}; write each entry after a dash`)],
    };
  }
  const problems: Problem[] = [];
  if (value.length > schema.maxItems) {
    problems.push(problem(path, `must have at most ${schema.maxItems} entries, and this has ${value.length}`));
  }
  if (value.length < (schema.minItems ?? 0))
    problems.push(problem(path, `must have at least ${schema.minItems} entries`));
  const items = value.slice(0, schema.maxItems).map((item, index) => {
    const checked = validate(schema.items, item, platform, [...path, index]);
    problems.push(...checked.problems);
    return checked.value;
  });
  if (schema.merge !== 'atomic') {
    const keys = items.map((item) => listKey(item, schema.merge));
    keys.forEach((key, index) => {
      if (keys.indexOf(key) < index)
        problems.push(problem([...path, index], 'stands twice in this list; write it once'));
    });
  }
  return { value: items, problems };
}

function listKey(item: unknown, merge: ListSchema['merge']): string {
  if (typeof merge !== 'object' || !isRecord(item)) return JSON.stringify(item);
  return JSON.stringify(merge.keys.map((key) => item[key]));
}

function validateMap(schema: MapSchema, value: unknown, platform: Platform, path: Path): Validated {
  if (!isRecord(value)) {
    return { value, problems: [problem(path, `must be a block of names and texts, not ${describe(value)}`)] };
  }
  const entries = Object.entries(value);
  const problems =
    entries.length > schema.maxProperties
      ? [problem(path, `must have at most ${schema.maxProperties} entries, and this has ${entries.length}`)]
      : entries.flatMap(([name, text]) => validate(schema.values, text, platform, [...path, name]).problems);
  return { value, problems };
}

function validateObject(schema: ObjectSchema, value: unknown, platform: Platform, path: Path): Validated {
  if (!isRecord(value)) {
    const empty = value === null || value === undefined;
    const message = empty
      ? 'is empty; write {} where its defaults are meant'
      : `must be a block, not ${describe(value)}`;
    return { value, problems: [problem(path, message)] };
  }
  const fields = Object.entries(schema.fields).filter(([, field]) => existsOn(field, platform));
  const names = fields.map(([name]) => name);
  const problems: Problem[] = Object.keys(value)
    .filter((name) => !names.includes(name))
    .map((name) => ({ path: [...path, name], on: 'key', message: unknownField(schema, name, names, platform, path) }));
  const entries: [string, unknown][] = [];
  for (const [name, field] of fields) {
    const given = Object.hasOwn(value, name) ? value[name] : undefined;
    if (given === undefined && field.default === undefined) {
      if (field.required) problems.push(problem(path, `needs ${name}: ${field.schema.description}`));
      continue;
    }
    const checked = validate(field.schema, given ?? (given === null ? null : field.default), platform, [...path, name]);
    problems.push(...checked.problems);
    entries.push([name, checked.value]);
  }
  return { value: Object.fromEntries(entries), problems };
}

function existsOn(field: Field, platform: Platform): boolean {
  return field.only === undefined || field.only === platform;
}

function unknownField(schema: ObjectSchema, name: string, names: string[], platform: Platform, path: Path): string {
  const where = path.length === 0 ? 'the manifest' : formatPath(path);
  const elsewhere = Object.hasOwn(schema.fields, name) ? schema.fields[name]?.only : undefined;
  if (elsewhere !== undefined) {
    const here = names.filter((other) => schema.fields[other]?.only === platform);
    const instead = here.length === 0 ? '' : `; here there is ${here.join(', ')}`;
    return `${where} has the field ${name} only ${platformName(elsewhere)}${instead}.`;
  }
  const meant = nearest(name, names);
  const help = meant === undefined ? `It has ${names.join(', ')}.` : `Did you mean ${meant}?`;
  return `${where} has no field ${name}. ${help}`;
}

function platformName(platform: Platform): string {
  switch (platform) {
    case 'kubernetes':
      return 'on Kubernetes';
    case 'standalone':
      return 'without Kubernetes';
  }
}

function brokenRules(rules: readonly Rule[] | undefined, value: unknown, platform: Platform, path: Path): Problem[] {
  return (rules ?? [])
    .filter((rule) => (rule.only === undefined || rule.only === platform) && !rule.holds(value))
    .map((rule) => problem(path, rule.message));
}

function problem(path: Path, message: string): Problem {
  const where = formatPath(path);
  return { path, on: 'value', message: /[.?!]$/.test(message) ? `${where} ${message}` : `${where} ${message}.` };
}

/** A value for a message; short, and never the inside of a block. */
function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a block';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
