import { ApiError } from '../api-error.ts';
import type { KubeClient, ListPage, WatchLine } from '../client.ts';
import type { KubeObject, ResourceType } from '../types.ts';
import type { ManualTime } from './manual-time.ts';

export interface Thing extends KubeObject {
  value: number;
}

export const THINGS: ResourceType = {
  group: 'test.example',
  version: 'v1',
  plural: 'things',
  kind: 'Thing',
  scope: 'Namespaced',
};

export interface Request {
  verb: 'list' | 'watch';
  /** By the monotonic clock. */
  at: number;
  resourceVersion?: string;
  continue?: string;
}

/** What goes wrong with one request, instead of what it is for. */
export type Fault =
  /** The client rejects; in a watch after `afterMs` of nothing. */
  | { type: 'rejects'; error: ApiError; afterMs?: number }
  /** A watch sends nothing, and then is closed. */
  | { type: 'closes'; afterMs: number }
  /** A watch sends this line. */
  | { type: 'sends'; line: WatchLine<KubeObject> }
  /** A watch never sends anything. */
  | { type: 'hangs' };

export interface SimulatedServer {
  readonly client: Pick<KubeClient, 'list' | 'watch'>;
  readonly requests: readonly Request[];
  /** The truth, by key, without the metadata that are dropped. */
  readonly things: ReadonlyMap<string, Thing>;
  /** How many watches are open. */
  readonly watches: number;
  /** Asked for each request. */
  fault: (request: Request) => Fault | undefined;
  put(name: string, value: number): void;
  remove(name: string): void;
  /** Sends the version of now to all watches. */
  bookmark(): void;
  /** Forgets all versions but the last, and all tokens of pages. */
  compact(): void;
  /** Ends all watches: with this error, or as at their time. */
  endWatches(error?: ApiError): void;
}

interface Watching {
  send(line: WatchLine<Thing>): void;
  end(error?: ApiError): void;
}

/**
 * An API server that keeps one kind, in memory and in a test's own time. The real one stands in test/cluster; this one
 * shows faults at moments that a real one cannot be brought to, and lets ten minutes pass in none.
 */
export function simulatedServer(time: ManualTime): SimulatedServer {
  const things = new Map<string, Thing>();
  const watching = new Set<Watching>();
  const requests: Request[] = [];
  let history: { version: number; line: WatchLine<Thing> }[] = [];
  let pages = new Map<string, Thing[]>();
  let version = 1;
  let compactedAt = 0;

  const record = (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: Thing): void => {
    const line = { type, object };
    history.push({ version, line });
    for (const watch of watching) watch.send(line);
  };
  const asked = (request: Omit<Request, 'at'>): Fault | undefined => {
    const full = { ...request, at: time.clock.monotonic() };
    requests.push(full);
    return server.fault(full);
  };

  const list = async (limit: number, token: string | undefined): Promise<ListPage<Thing>> => {
    // No answer comes before the caller goes on.
    await Promise.resolve();
    const fault = asked({ verb: 'list', ...(token !== undefined && { continue: token }) });
    if (fault?.type === 'rejects') throw fault.error;
    const rest = token === undefined ? [...things.values()] : pages.get(token);
    if (rest === undefined) throw new ApiError('Gone', 'The provided continue parameter is too old.', { status: 410 });
    const resourceVersion = token?.split('/')[0] ?? String(version);
    const next = `${resourceVersion}/${rest.length - limit}`;
    if (rest.length > limit) pages.set(next, rest.slice(limit));
    const items = rest.slice(0, limit).map((thing) => structuredClone(thing));
    return { items, resourceVersion, ...(rest.length > limit && { continue: next }) };
  };

  async function* watch(from: string, timeoutSeconds: number, signal: AbortSignal): AsyncGenerator<WatchLine<Thing>> {
    const fault = asked({ verb: 'watch', resourceVersion: from });
    const lines: WatchLine<Thing>[] = [];
    let ended: { error: ApiError | undefined } | undefined;
    let wake = (): void => undefined;
    const self: Watching = {
      send: (line) => {
        if (fault === undefined) lines.push(structuredClone(line));
        wake();
      },
      end: (error) => {
        ended ??= { error };
        wake();
      },
    };
    const onAbort = (): void => self.end(new ApiError('Aborted', 'The watch was stopped.'));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    if (fault?.type === 'sends') lines.push(fault.line as WatchLine<Thing>);
    if (fault?.type === 'rejects' && fault.afterMs === undefined) self.end(fault.error);
    if (fault === undefined && Number(from) < compactedAt) lines.push(GONE);
    else if (fault === undefined) lines.push(...history.filter((it) => it.version > Number(from)).map((it) => it.line));
    using _timer = time.timers.after(endsAfter(fault, timeoutSeconds), () =>
      self.end(fault?.type === 'rejects' ? fault.error : undefined),
    );
    watching.add(self);
    try {
      for (;;) {
        const line = lines.shift();
        if (line !== undefined) yield line;
        else if (ended?.error !== undefined) throw ended.error;
        else if (ended !== undefined) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
      watching.delete(self);
    }
  }

  const server: SimulatedServer = {
    client: {
      // The only kind there is.
      list: async <T extends KubeObject>(_: ResourceType, options: { limit?: number; continue?: string }) =>
        (await list(options.limit ?? Number.MAX_SAFE_INTEGER, options.continue)) as unknown as ListPage<T>,
      watch: <T extends KubeObject>(
        _: ResourceType,
        options: { resourceVersion: string; timeoutSeconds: number; signal?: AbortSignal },
      ) =>
        watch(
          options.resourceVersion,
          options.timeoutSeconds,
          options.signal ?? new AbortController().signal,
        ) as unknown as AsyncGenerator<WatchLine<T>>,
    },
    requests,
    things,
    get watches() {
      return watching.size;
    },
    fault: () => undefined,
    put: (name, value) => {
      version += 1;
      const before = things.get(`test/${name}`);
      const uid = before?.metadata.uid ?? `uid-${version}`;
      const metadata = { namespace: 'test', name, uid, resourceVersion: String(version), managedFields: [{}] };
      const thing = { apiVersion: 'test.example/v1', kind: 'Thing', metadata, value };
      things.set(`test/${name}`, thing);
      record(before === undefined ? 'ADDED' : 'MODIFIED', thing);
    },
    remove: (name) => {
      const before = things.get(`test/${name}`);
      if (before === undefined) return;
      version += 1;
      things.delete(`test/${name}`);
      record('DELETED', { ...before, metadata: { ...before.metadata, resourceVersion: String(version) } });
    },
    bookmark: () => {
      const line = { type: 'BOOKMARK' as const, object: { metadata: { resourceVersion: String(version) } } };
      for (const open of watching) open.send(line);
    },
    compact: () => {
      compactedAt = version;
      history = [];
      pages = new Map();
    },
    endWatches: (error) => {
      for (const open of watching) open.end(error);
    },
  };
  return server;
}

const GONE: WatchLine<Thing> = {
  type: 'ERROR',
  object: { code: 410, reason: 'Expired', message: 'too old resource version' },
};

/** ms until a watch ends on its own. */
function endsAfter(fault: Fault | undefined, timeoutSeconds: number): number {
  switch (fault?.type) {
    case undefined:
      return timeoutSeconds * 1000;
    case 'closes':
      return fault.afterMs;
    case 'rejects':
      return fault.afterMs ?? 0;
    case 'sends':
    case 'hangs':
      return Number.MAX_SAFE_INTEGER;
  }
}
