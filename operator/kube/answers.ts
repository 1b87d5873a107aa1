import { ApiError } from './api-error.ts';
import type { ListPage, WatchLine } from './client.ts';
import type { KubeObject, ResourceType } from './types.ts';

/** @throws ApiError Unreadable for what is no object, as a proxy's page is */
export function objectOf<T extends KubeObject>(body: unknown, doing: string): T {
  if (isRecord(body) && isRecord(body.metadata)) return body as unknown as T;
  throw unreadable(doing);
}

/** @throws ApiError Unreadable for what is no list */
export function pageOf<T extends KubeObject>(body: unknown, type: ResourceType, doing: string): ListPage<T> {
  if (!isRecord(body) || !isRecord(body.metadata)) throw unreadable(doing);
  const { resourceVersion, continue: token } = body.metadata;
  const items = Array.isArray(body.items) ? body.items : [];
  // The server leaves these two out in a list of built-in kinds, and says them in a watch.
  const typed = { apiVersion: type.group === '' ? type.version : `${type.group}/${type.version}`, kind: type.kind };
  return {
    items: items.map((item: T) => ({ ...typed, ...item })),
    resourceVersion: typeof resourceVersion === 'string' ? resourceVersion : '',
    ...(typeof token === 'string' && token !== '' && { continue: token }),
  };
}

/** @throws ApiError Unreadable for what is no event of a watch */
export function lineOf<T extends KubeObject>(value: unknown, doing: string): WatchLine<T> {
  if (!isRecord(value) || !isRecord(value.object)) throw unreadable(doing);
  switch (value.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      if (!isRecord(value.object.metadata)) throw unreadable(doing);
      return value as unknown as WatchLine<T>;
    case 'ERROR':
      return value as unknown as WatchLine<T>;
    default:
      throw unreadable(doing);
  }
}

function unreadable(doing: string): ApiError {
  return new ApiError('Unreadable', `The API server's answer to ${doing} is not of the expected form.`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
