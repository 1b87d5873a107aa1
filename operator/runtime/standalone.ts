import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AnyResource, AnyStatus } from '../api/kinds.ts';
import { type Manifest, parseManifests } from '../api/manifest.ts';
import { bucketOf } from '../plan/bucket.ts';
import { sameStatus } from '../plan/same.ts';
import { type Clock, systemClock, timestamp } from './clock.ts';
import { createOwnMetrics, type OwnMetrics } from './own-metrics.ts';
import { createRounds } from './rounds.ts';
import { createEventLog } from './standalone/event-log.ts';
import { createFleet, type Fleet } from './standalone/fleet.ts';
import { refuseUnreadable, watchFolder } from './standalone/folder.ts';
import { followFolders } from './standalone/followed-folders.ts';
import { createGatewayMaterials } from './standalone/gateway-material.ts';
import { health, readiness, wordsOf } from './standalone/health.ts';
import { serveHttp } from './standalone/http.ts';
import { lockState } from './standalone/lock.ts';
import { mergeMetrics } from './standalone/merge-metrics.ts';
import { openRecords } from './standalone/records.ts';
import { type AnySpec, recordKey, resourcesOf } from './standalone/resources.ts';
import { createRound } from './standalone/round.ts';
import { createSecrets } from './standalone/secrets.ts';
import { openState } from './standalone/state.ts';
import { createStatusPage, type StandaloneStatus } from './standalone/status-page.ts';
import { testConnection } from './standalone/test-connection.ts';
import { throttle } from './standalone/throttle.ts';

const DEFAULT_HTTP = '127.0.0.1:8460';
/** Statuses are written at most this often, and at the end: what a power cut takes of them is found again. */
const SAVE_MS = 1_000;

export interface StandaloneOptions {
  /** Folder with the manifests. */
  folder: string;
  /** State folder; FOLDER/.mailhold where left out. */
  state?: string;
  /** Loopback `ADDRESS:PORT` of the status; 127.0.0.1:8460 where left out, port 0 takes a free one. */
  http?: string;
  /** Where passwords by `env` are looked up. Workers get none of it but what a process needs to run. */
  env: Readonly<Record<string, string | undefined>>;
  /** Takes the log of this process and its workers, one JSON line at a time. */
  write: (line: string) => void;
  clock?: Clock;
  /** Main modules of the workers. */
  programs?: { receiver: string; poller: string };
}

/** A running Mailhold. Its disposal stops the workers in an orderly way and resolves when the last one is gone. */
export interface Standalone extends AsyncDisposable {
  /** Of the status server. */
  readonly url: string;
  status(): StandaloneStatus;
  /** Resolves when the status is another one than that with this `change`, at the latest after `ms`. */
  changed(since: number, ms: number, signal: AbortSignal): Promise<void>;
}

/**
 * Runs Mailhold without Kubernetes: a folder of manifests, worker processes of this machine, the status over HTTP.
 *
 * @returns once the manifests were read and planned for the first time; the workers are starting then
 * @throws StartupError
 */
export async function runStandalone(options: StandaloneOptions): Promise<Standalone> {
  const clock = options.clock ?? systemClock;
  const log = createEventLog(options.write, clock);
  const folder = resolve(options.folder);
  // Undone in reverse order, at the end or where something below throws.
  await using started = new AsyncDisposableStack();
  const closing = new AbortController();
  const { signal } = closing;
  let wake = (): void => undefined;
  const onChange = (): void => wake();

  // Before the state folder, which would make this one.
  await refuseUnreadable(folder);
  const state = await openState(resolve(options.state ?? join(folder, '.mailhold')));
  const lock = started.use(await lockState(state.path, { pid: process.pid }));
  const records = await openRecords<AnySpec, AnyStatus>(state.recordsFile, clock);
  const saving = started.use(
    throttle(
      () => records.save().catch((error: unknown) => log.error('state-not-written', { error: wordsOf(error) })),
      SAVE_MS,
    ),
  );
  const page = createStatusPage(timestamp(clock));
  const metrics = createOwnMetrics();
  const fleet = createFleet({
    state,
    socketFolder: lock.socketFolder,
    programs: options.programs ?? { receiver: program('receiver'), poller: program('poller') },
    env: options.env,
    bucketOf,
    clock,
    log,
    onChange,
    onRestart: metrics.workerRestarted,
  });
  started.defer(fleet.stop);
  started.defer(() => closing.abort());
  const secrets = createSecrets({ folder, env: options.env, clock, onChange, signal });
  const manifests = await watchFolder<Manifest>({
    folder,
    parse: parseManifests,
    lastGood: state.lastGood,
    log,
    onChange,
    signal,
  });

  const round = createRound({
    folder,
    resources: () => {
      const { objects, problems } = manifests.content();
      const { resources, problems: more } = resourcesOf(objects, records);
      return { resources, problems: [...problems, ...more] };
    },
    // What is kept under this key is of the resource's kind.
    remember: <S extends AnyStatus>(resource: AnyResource, status: S) =>
      records.setStatus(recordKey(resource), status, (before, after) => sameStatus(resource.kind, before, after)) as S,
    materials: createGatewayMaterials(folder, state),
    materialFolders: followFolders(onChange, signal),
    secrets,
    fleet,
    metrics,
    show: page.show,
    clock,
  });
  const rounds = started.use(
    createRounds(
      async () => {
        const again = await round.run();
        saving.ask();
        return again;
      },
      clock.now,
      (error) => {
        log.error('plan-not-carried-out', { error: wordsOf(error) });
        const problem = {
          file: '.',
          line: 1,
          column: 1,
          message: `The last change was not carried out: ${wordsOf(error)}`,
        };
        page.show({ ...page.status, problems: [problem] }, timestamp(clock));
      },
    ),
  );
  wake = rounds.request;

  const http = started.use(
    await serveHttp(options.http ?? DEFAULT_HTTP, {
      status: () => page.status,
      changed: page.changed,
      test: (namespace, name, stop) =>
        testConnection({ plan: () => round.plan, rounds, secrets, fleet, log }, namespace, name, stop),
      healthy: () => health(page.status, rounds.failure),
      ready: () => readiness(page.status, rounds.failure),
      metrics: (stop) => allMetrics(fleet, metrics, stop),
    }),
  );
  lock.announce({ pid: process.pid, http: http.url });
  log.info('standalone-started', { folder, state: state.path, http: http.url });
  // A round that fails tells so itself, and is tried again.
  await rounds.next().catch(() => undefined);

  const running = started.move();
  return {
    url: http.url,
    status: () => page.status,
    changed: page.changed,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Our own metrics and those of all workers that answer; one that does not shows by the absence of its series. */
async function allMetrics(fleet: Fleet, own: OwnMetrics, signal: AbortSignal): Promise<string> {
  const workers = await Promise.allSettled(
    fleet.workers().map(async ({ shown: { gateway, role }, client }) => ({
      labels: { gateway, role },
      text: await client.metrics(signal),
    })),
  );
  const answered = workers.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  return mergeMetrics([{ labels: {}, text: await own.text() }, ...answered]);
}

function program(role: 'receiver' | 'poller'): string {
  return fileURLToPath(new URL(`../../workers/${role}/main.ts`, import.meta.url));
}
