import type { ArchiveConnection } from '../../api/archive-connection.ts';
import type { MailArchive } from '../../api/mail-archive.ts';
import type { MailGateway } from '../../api/mail-gateway.ts';
import { API_VERSION } from '../../api/resource.ts';
import type { ShownWorker } from './fleet.ts';
import type { Problem } from './folder.ts';

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
  /** Shows this view; wakes who waits where it differs from the last one. */
  show(view: StandaloneView, at: string): void;
  /** Resolves when something past `since` is shown, at the latest after `ms` or when `signal` aborts. */
  changed(since: number, ms: number, signal: AbortSignal): Promise<void>;
}

export function createStatusPage(at: string): StatusPage {
  const empty: StandaloneView = { gateways: [], archives: [], connections: [], problems: [], workers: [] };
  let status: StandaloneStatus = { apiVersion: API_VERSION, kind: 'StandaloneStatus', change: 0, at, ...empty };
  let shown = JSON.stringify(empty);
  const waiting = new Set<() => void>();

  return {
    get status() {
      return status;
    },
    show: ({ gateways, archives, connections, problems, workers }, now) => {
      const view: StandaloneView = { gateways, archives, connections, problems, workers };
      const text = JSON.stringify(view);
      if (text === shown) return;
      shown = text;
      // A copy: what the caller goes on to change must not change what was shown.
      const copy = JSON.parse(text) as StandaloneView;
      status = { apiVersion: API_VERSION, kind: 'StandaloneStatus', change: status.change + 1, at: now, ...copy };
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
