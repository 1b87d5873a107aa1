import type { ObjectRef } from './client.ts';
import type { ResourceType } from './types.ts';

/** `/apis/GROUP/VERSION/[namespaces/NS/]PLURAL`, or `/api/v1/...` for the core group; without a namespace, all of them. */
export function collectionPath(type: ResourceType, namespace: string | undefined): string {
  const api = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  if (type.scope === 'Cluster' || namespace === undefined) return `${api}/${type.plural}`;
  return `${api}/namespaces/${encodeURIComponent(namespace)}/${type.plural}`;
}

/** Path of one object, or of one of its subresources. */
export function objectPath(type: ResourceType, ref: ObjectRef, subresource?: 'status'): string {
  const path = `${collectionPath(type, ref.namespace)}/${encodeURIComponent(ref.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** The query of a URL with its question mark; parameters that are undefined are left out. */
export function query(parameters: Record<string, string | number | boolean | undefined>): string {
  const pairs = Object.entries(parameters)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

/** For people: `deployments mailhold/receiver`. */
export function nameFor(type: ResourceType, ref: { namespace?: string | undefined; name?: string }): string {
  const where = [ref.namespace, ref.name].filter((part) => part !== undefined).join('/');
  return where === '' ? type.plural : `${type.plural} ${where}`;
}
