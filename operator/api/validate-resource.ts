import { createHash } from 'node:crypto';
import { archiveConnection } from './archive-connection.ts';
import type { AnyResource } from './kinds.ts';
import { kinds } from './kinds.ts';
import { nearest } from './nearest.ts';
import { API_VERSION, type ObjectMeta } from './resource.ts';
import type { Platform, TransitionRule } from './schema.ts';
import { isRecord, type Path, type Problem, validate } from './validate.ts';

const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const META_FIELDS = ['name', 'namespace', 'labels', 'annotations'];
/** What an API server adds, and an exported manifest may still hold. */
const SERVER_FIELDS = [
  'uid',
  'generation',
  'creationTimestamp',
  'resourceVersion',
  'managedFields',
  'ownerReferences',
  'finalizers',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generateName',
  'selfLink',
];

export interface ValidatedResource {
  /** Absent where there are problems. */
  resource?: AnyResource;
  problems: Problem[];
}

/**
 * Checks one manifest, as YAML or JSON gives it, and fills in defaults. Where it has no identity of its own, the uid is
 * derived from its name, the generation is 1 and the creation 1970; status is left out.
 */
export function validateResource(raw: unknown, platform: Platform, path: Path = []): ValidatedResource {
  const problems: Problem[] = [];
  const report = (at: Path, message: string, on: Problem['on'] = 'value') =>
    problems.push({ path: [...path, ...at], on, message });
  if (!isRecord(raw)) {
    report([], 'A manifest is a block with apiVersion, kind, metadata and spec.');
    return { problems };
  }
  const kind = kinds.find((known) => known.kind === raw.kind);
  if (kind === undefined || raw.apiVersion !== API_VERSION) {
    report(...unknownKind(raw));
    return { problems };
  }
  for (const name of Object.keys(raw)) {
    if (['apiVersion', 'kind', 'metadata', 'spec', 'status'].includes(name)) continue;
    const meant = nearest(name, ['metadata', 'spec']);
    report([name], `A manifest has no field ${name}.${meant === undefined ? '' : ` Did you mean ${meant}?`}`, 'key');
  }
  const metadata = metadataOf(raw.metadata, kind.kind, report);
  if (metadata !== undefined) {
    for (const rule of kind.rules ?? []) {
      const applies = rule.only === undefined || rule.only === platform;
      if (applies && !rule.holds({ metadata })) report(['metadata', 'name'], `${rule.message}.`);
    }
  }
  const spec = validate(kind.spec, raw.spec, platform, [...path, 'spec']);
  problems.push(...spec.problems.map((problem) => ({ ...problem, message: withoutPrefix(problem.message, path) })));
  if (problems.length > 0 || metadata === undefined) return { problems };
  // The schema of the kind has just proved the type of its spec.
  return {
    resource: { apiVersion: API_VERSION, kind: kind.kind, metadata, spec: spec.value } as AnyResource,
    problems,
  };
}

/** Rules of a change that the API server would refuse: the method, an address generation that sinks. */
export function changeProblems(before: AnyResource, after: AnyResource): Problem[] {
  if (before.kind !== 'ArchiveConnection' || after.kind !== 'ArchiveConnection') return [];
  const { method, smtp } = archiveConnection.spec.fields;
  return [
    ...brokenTransitions(method.schema.transitions, after.spec.method, before.spec.method, ['spec', 'method']),
    ...(after.spec.smtp !== undefined && before.spec.smtp !== undefined
      ? brokenTransitions(smtp.schema.transitions, after.spec.smtp, before.spec.smtp, ['spec', 'smtp'])
      : []),
  ];
}

function brokenTransitions<T>(
  rules: readonly TransitionRule<T>[] | undefined,
  after: T,
  before: T,
  path: Path,
): Problem[] {
  return (rules ?? [])
    .filter((rule) => !rule.holds(after, before))
    .map((rule) => ({ path, on: 'value', message: `${path.join('.')}: ${rule.message}.` }));
}

/** A uid that is the same at every start, since there is no server to remember one. */
export function derivedUid(kind: string, namespace: string, name: string): string {
  const hex = createHash('sha256').update(`${kind}\0${namespace}\0${name}`).digest('hex');
  // RFC 9562 section 5.8: version 8 is for values of one's own.
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function unknownKind(raw: Record<string, unknown>): [Path, string] {
  const names = kinds.map(({ kind }) => kind);
  const { kind, apiVersion } = raw;
  if (typeof kind !== 'string') return [[], `A manifest needs kind: one of ${names.join(', ')}.`];
  if (!names.some((name) => name === kind)) {
    const meant = nearest(kind, names);
    const help = meant === undefined ? `There is ${names.join(', ')}.` : `Did you mean ${meant}?`;
    return [['kind'], `There is no kind ${kind.slice(0, 64)}. ${help}`];
  }
  if (apiVersion === undefined) return [[], `${kind} needs apiVersion: ${API_VERSION}.`];
  return [['apiVersion'], `${kind} has apiVersion: ${API_VERSION}.`];
}

function metadataOf(
  raw: unknown,
  kind: string,
  report: (at: Path, message: string, on?: Problem['on']) => void,
): ObjectMeta | undefined {
  if (!isRecord(raw)) {
    report([], `${kind} needs metadata with a name.`);
    return undefined;
  }
  for (const field of Object.keys(raw)) {
    if (META_FIELDS.includes(field) || SERVER_FIELDS.includes(field)) continue;
    const meant = nearest(field, META_FIELDS);
    const help = meant === undefined ? `It has ${META_FIELDS.join(', ')}.` : `Did you mean ${meant}?`;
    report(['metadata', field], `metadata has no field ${field}. ${help}`, 'key');
  }
  const { name, namespace = 'default' } = raw;
  const rule = 'small letters, digits and dashes, such as contoso-journal';
  if (typeof name !== 'string' || !NAME.test(name)) {
    report(name === undefined ? ['metadata'] : ['metadata', 'name'], `metadata.name must be ${rule}.`);
  }
  if (typeof namespace !== 'string' || !NAMESPACE.test(namespace)) {
    report(['metadata', 'namespace'], `metadata.namespace must be ${rule}.`);
  }
  const labels = stringMap(raw.labels, 'labels', report);
  const annotations = stringMap(raw.annotations, 'annotations', report);
  if (typeof name !== 'string' || typeof namespace !== 'string') return undefined;
  return {
    name,
    namespace,
    uid: typeof raw.uid === 'string' ? raw.uid : derivedUid(kind, namespace, name),
    generation: Number.isSafeInteger(raw.generation) ? Number(raw.generation) : 1,
    creationTimestamp: isTime(raw.creationTimestamp) ? raw.creationTimestamp : '1970-01-01T00:00:00Z',
    ...(labels !== undefined && { labels }),
    ...(annotations !== undefined && { annotations }),
  };
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}

function stringMap(
  raw: unknown,
  field: string,
  report: (at: Path, message: string) => void,
): Record<string, string> | undefined {
  if (raw === undefined || raw === null) return undefined;
  if (!isRecord(raw)) {
    report(['metadata', field], `metadata.${field} must be a block of names and texts.`);
    return undefined;
  }
  const entries: [string, string][] = [];
  for (const [key, value] of Object.entries(raw)) {
    if (typeof value === 'string') entries.push([key, value]);
    else report(['metadata', field, key], `metadata.${field}.${key.slice(0, 64)} must be text; put it in quotes.`);
  }
  return Object.fromEntries(entries);
}

/** Problems of an item in a List speak of the item's own fields. */
function withoutPrefix(message: string, path: Path): string {
  const prefix =
    path.length === 0 ? '' : `${path.map((part) => (typeof part === 'number' ? `[${part}]` : part)).join('')}.`;
  return message.startsWith(prefix) ? message.slice(prefix.length) : message;
}
