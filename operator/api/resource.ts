import {
  type Infer,
  integer,
  list,
  type ObjectSchema,
  object,
  oneOf,
  optional,
  type Rule,
  required,
  string,
} from './schema.ts';

export const API_VERSION = 'mailhold.dev/v1alpha1';

export interface ObjectMeta {
  name: string;
  namespace: string;
  uid: string;
  generation: number;
  /** RFC 3339. */
  creationTimestamp: string;
  /** Kubernetes: RFC 3339; set while the object is being deleted. */
  deletionTimestamp?: string;
  /** Kubernetes: of the object as it was read. */
  resourceVersion?: string;
  annotations?: Record<string, string>;
  labels?: Record<string, string>;
}

export interface Resource<Kind extends string, Spec, Status> {
  apiVersion: typeof API_VERSION;
  kind: Kind;
  metadata: ObjectMeta;
  spec: Spec;
  /** Absent until the first visit. */
  status?: Status;
}

/** What a kind is made of; crds/ and the validation are derived from it. */
export interface Kind<
  Name extends string = string,
  S extends ObjectSchema = ObjectSchema,
  T extends ObjectSchema = ObjectSchema,
> {
  readonly kind: Name;
  readonly singular: string;
  readonly plural: string;
  readonly shortName: string;
  readonly description: string;
  /** Rules of the whole object; of its metadata they may read the name alone, as the API server has it. */
  readonly rules?: readonly Rule<{ readonly metadata: Pick<ObjectMeta, 'name'> }>[];
  readonly spec: S;
  readonly status: T;
  /** Columns of `kubectl get`, before AGE. Priority 1 shows with `-o wide`. */
  readonly columns: readonly { readonly name: string; readonly jsonPath: string; readonly priority?: 0 | 1 }[];
}

export function defineKind<const Name extends string, S extends ObjectSchema, T extends ObjectSchema>(
  kind: Kind<Name, S, T>,
): Kind<Name, S, T> {
  return kind;
}

/** Conditions as metav1.Condition: `reason` is from the catalogue, `lastTransitionTime` moves only when `status` flips. */
export const conditionsSchema = list(
  object(
    {
      type: required(
        string({
          description: 'What the condition tells of, such as Ready, Tested or Archiving.',
          minLength: 1,
          maxLength: 64,
        }),
      ),
      status: required(oneOf(['True', 'False', 'Unknown'], { description: 'Whether it holds.' })),
      observedGeneration: required(
        integer({
          description: 'The generation of the object that the condition was computed from.',
          minimum: 0,
          maximum: Number.MAX_SAFE_INTEGER,
        }),
      ),
      lastTransitionTime: required(
        string({ description: 'When the status last changed.', format: 'date-time', maxLength: 40 }),
      ),
      reason: required(
        string({
          description: 'One word of the catalogue of reasons.',
          pattern: '^[A-Z][A-Za-z0-9]*$',
          minLength: 1,
          maxLength: 64,
        }),
      ),
      message: required(string({ description: 'What happened, for a person.', maxLength: 1024 })),
    },
    { description: 'One light.' },
  ),
  {
    description: 'The lights. Ready summarises; Failed is True exactly while Ready is False.',
    maxItems: 16,
    merge: { keys: ['type'] },
  },
);

export type Condition = Infer<typeof conditionsSchema>[number];

export const observedGenerationSchema = optional(
  integer({
    description: 'The generation that this status was computed from; -1 until the first visit.',
    minimum: -1,
    maximum: Number.MAX_SAFE_INTEGER,
  }),
);
