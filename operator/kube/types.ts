/** What every call of the API server is made of. Plain JSON in and out: no class, no serializer that drops fields. */

/** An object as the API server gives and takes it. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: KubeMeta;
}

/** metav1.ObjectMeta, as far as it is used here; absent fields are those the server fills in. */
export interface KubeMeta {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  /** RFC 3339. */
  creationTimestamp?: string;
  /** RFC 3339; set while the object is being deleted. */
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** Where objects of a kind are found: `/apis/GROUP/VERSION/[namespaces/NS/]PLURAL`, or `/api/v1/...` for the group ''. */
export interface ResourceType {
  /** '' is the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly scope: 'Namespaced' | 'Cluster';
}

/** Time as a dependency. `now` is the wall clock in ms since 1970; `monotonic` never jumps and is for durations. */
export interface Clock {
  now(): number;
  monotonic(): number;
}

/** One event of the log: a name and fields, no sentence. */
export interface Log {
  info(event: string, fields?: Record<string, unknown>): void;
  warn(event: string, fields?: Record<string, unknown>): void;
  error(event: string, fields?: Record<string, unknown>): void;
}

/** `namespace/name`, or the name alone where there is no namespace: the key of an object within its kind. */
export function keyOfObject({ metadata: { namespace, name } }: { metadata: KubeMeta }): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
