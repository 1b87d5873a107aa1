import type { ArchiveConnection } from '../../api/archive-connection.ts';
import type { AnyResource } from '../../api/kinds.ts';
import type { MailArchive } from '../../api/mail-archive.ts';
import type { MailGateway } from '../../api/mail-gateway.ts';
import { API_VERSION } from '../../api/resource.ts';
import type { ShownWorker } from './fleet.ts';
import type { Problem } from './manifest-file.ts';

/** All that there is to see, at one moment. Objects are whole, as `kubectl get -o json` shows them. */
export interface StandaloneView {
  gateways: readonly MailGateway[];
  archives: readonly MailArchive[];
  connections: readonly ArchiveConnection[];
  problems: readonly Problem[];
  workers: readonly ShownWorker[];
}

/** The answer to `GET /status`. `change` goes up with each difference; `at` is when this one was first shown. */
export interface StandaloneStatus extends StandaloneView {
  apiVersion: typeof API_VERSION;
  kind: 'StandaloneStatus';
  change: number;
  at: string;
}

export interface StatusPage {
  readonly status: StandaloneStatus;
  /** Shows this view; wakes who waits where it differs from the last one. Nothing in it may be changed afterwards. */
  show(view: StandaloneView, at: string): void;
  /** Resolves when something past `since` is shown, at the latest after `ms` or when `signal` aborts. */
  changed(since: number, ms: number, signal: AbortSignal): Promise<void>;
}

export function createStatusPage(at: string): StatusPage {
  const empty: StandaloneView = { gateways: [], archives: [], connections: [], problems: [], workers: [] };
  let status: StandaloneStatus = { apiVersion: API_VERSION, kind: 'StandaloneStatus', change: 0, at, ...empty };
  const waiting = new Set<() => void>();

  return {
    get status() {
      return status;
    },
    show: ({ gateways, archives, connections, problems, workers }, now) => {
      const view: StandaloneView = { gateways, archives, connections, problems, workers };
      if (isSameView(view, status)) return;
      status = { apiVersion: API_VERSION, kind: 'StandaloneStatus', change: status.change + 1, at: now, ...view };
      for (const resolve of waiting) resolve();
    },
    changed: (since, ms, signal) => {
      // A `since` that is ahead of us was told by a run before this one.
      if (status.change !== since || signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          waiting.delete(done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        signal.addEventListener('abort', done, { once: true });
        waiting.add(done);
      });
    },
  };
}

function isSameView(a: StandaloneView, b: StandaloneView): boolean {
  return (
    isSameList(a.connections, b.connections) &&
    isSameList(a.gateways, b.gateways) &&
    isSameList(a.archives, b.archives) &&
    JSON.stringify([a.problems, a.workers]) === JSON.stringify([b.problems, b.workers])
  );
}

/** Specs and statuses that are equal are the same object from round to round, so thousands are compared quickly. */
function isSameList(a: readonly AnyResource[], b: readonly AnyResource[]): boolean {
  return (
    a.length === b.length &&
    a.every((object, index) => {
      const other = b[index];
      return (
        object.spec === other?.spec &&
        object.status === other.status &&
        JSON.stringify(object.metadata) === JSON.stringify(other.metadata)
      );
    })
  );
}
