/**
 * The words that the kinds are described with. One description gives the TypeScript types ({@link Infer}), the
 * validation of manifests (validate.ts) and the CustomResourceDefinitions (emit-crd.ts).
 *
 * Kept to what a structural schema of Kubernetes can say, and everything is bounded, since the API server refuses rules
 * whose worst case it cannot estimate. No booleans (a third state comes sooner or later), no floats, no unions.
 */

/** Where a field or a rule exists; without a mark it exists on both. */
export type Platform = 'kubernetes' | 'standalone';

/**
 * A rule of one value. `cel` is what the API server evaluates, `holds` is the same rule for standalone; `passes` and
 * `fails` are values as a person would write them, which both must judge alike.
 */
export interface Rule<T = unknown> {
  readonly cel: string;
  /** Says what to write instead. */
  readonly message: string;
  holds(self: T): boolean;
  readonly only?: Platform;
  readonly passes: readonly unknown[];
  readonly fails: readonly unknown[];
}

/** A rule of a change, evaluated by whoever knows the value before. */
export interface TransitionRule<T = unknown> {
  readonly cel: string;
  readonly message: string;
  holds(self: T, old: T): boolean;
  /** Pairs of the value before and after. */
  readonly passes: readonly (readonly [unknown, unknown])[];
  readonly fails: readonly (readonly [unknown, unknown])[];
}

interface Described<T> {
  readonly description: string;
  readonly rules?: readonly Rule<T>[];
  readonly transitions?: readonly TransitionRule<T>[];
}

export interface StringSchema<T extends string = string> extends Described<T> {
  readonly type: 'string';
  readonly enum?: readonly T[];
  /** Understood alike by RE2 and JavaScript. */
  readonly pattern?: string;
  /** What fits the pattern, for a person: `a duration such as 60s`. */
  readonly expected?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly format?: 'date-time';
}

export interface IntegerSchema extends Described<number> {
  readonly type: 'integer';
  readonly minimum: number;
  readonly maximum: number;
}

export interface ListSchema<I extends Schema = Schema> extends Described<readonly unknown[]> {
  readonly type: 'list';
  readonly items: I;
  readonly minItems?: number;
  readonly maxItems: number;
  /** How server-side apply merges: whole, as a set of scalars, or by these keys. */
  readonly merge: 'atomic' | 'set' | { readonly keys: readonly string[] };
}

/** Names that nobody can list beforehand, such as annotations, each with a text. */
export interface MapSchema extends Described<Readonly<Record<string, string>>> {
  readonly type: 'map';
  readonly values: StringSchema;
  readonly maxProperties: number;
}

export interface ObjectSchema<F extends Fields = Fields> extends Described<unknown> {
  readonly type: 'object';
  readonly fields: F;
}

export type Schema = StringSchema | IntegerSchema | ListSchema | MapSchema | ObjectSchema;

/** Whether a valid object has the field once defaults are filled in. */
export type Presence = 'present' | 'optional';

export interface Field<S extends Schema = Schema, P extends Presence = Presence> {
  readonly schema: S;
  readonly presence: P;
  readonly required: boolean;
  readonly default?: unknown;
  readonly only?: Platform;
}

export type Fields = { readonly [name: string]: Field };

export type Infer<S> =
  S extends StringSchema<infer T>
    ? T
    : S extends IntegerSchema
      ? number
      : S extends ListSchema<infer I>
        ? Infer<I>[]
        : S extends MapSchema
          ? Record<string, string>
          : S extends ObjectSchema<infer F>
            ? InferFields<F>
            : never;

type OptionalKeys<F extends Fields> = { [K in keyof F]: F[K] extends Field<Schema, 'present'> ? never : K }[keyof F];

export type InferFields<F extends Fields> = {
  -readonly [K in Exclude<keyof F, OptionalKeys<F>>]: Infer<F[K]['schema']>;
} & {
  -readonly [K in OptionalKeys<F>]?: Infer<F[K]['schema']>;
};

export function required<S extends Schema>(schema: S): Field<S, 'present'> {
  return { schema, presence: 'present', required: true };
}

export function optional<S extends Schema>(schema: S): Field<S, 'optional'> {
  return { schema, presence: 'optional', required: false };
}

/** A field that is filled in where it is left out. For an object `{}` stands for its fields' own defaults. */
export function defaulted<S extends Schema>(schema: S, value: Infer<S> | Record<string, never>): Field<S, 'present'> {
  return { schema, presence: 'present', required: false, default: value };
}

/** A field that only one platform has; required or defaulted there as `field` says, optional for the types. */
export function only<S extends Schema>(platform: Platform, field: Field<S>): Field<S, 'optional'> {
  return { ...field, presence: 'optional', only: platform };
}

export function string(options: Omit<StringSchema, 'type' | 'enum'>): StringSchema {
  return { type: 'string', ...options };
}

export function oneOf<const T extends string>(
  values: readonly T[],
  options: Omit<StringSchema<T>, 'type' | 'enum'>,
): StringSchema<T> {
  return { type: 'string', enum: values, ...options };
}

export function integer(options: Omit<IntegerSchema, 'type'>): IntegerSchema {
  return { type: 'integer', ...options };
}

export function list<I extends Schema>(items: I, options: Omit<ListSchema, 'type' | 'items'>): ListSchema<I> {
  return { type: 'list', items, ...options };
}

export function map(values: StringSchema, options: Omit<MapSchema, 'type' | 'values'>): MapSchema {
  return { type: 'map', values, ...options };
}

export function object<F extends Fields>(
  fields: F,
  options: {
    description: string;
    rules?: readonly Rule<InferFields<F>>[];
    transitions?: readonly TransitionRule<InferFields<F>>[];
  },
): ObjectSchema<F> {
  return { type: 'object', fields, ...options };
}
