import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConnectionEntry, ObjectName, WorkerGroup } from '../../../workers/process/contract.ts';
import type { Clock } from '../clock.ts';
import { followWorker, type WorkerClient } from '../workers/worker-client.ts';
import type { EventLog } from './event-log.ts';
import type { StateFolder } from './state.ts';
import { type SupervisedWorker, superviseWorker, type WorkerProcessStatus } from './supervisor.ts';
import { type WorkerConfiguration, workerConfiguration } from './worker-configuration.ts';

export type WorkerRole = WorkerGroup['role'];

/** One worker that should run, and what it should serve. */
export interface WantedWorker {
  group: WorkerGroup;
  entries: readonly ConnectionEntry[];
}

/** One worker process as the status shows it. */
export interface ShownWorker extends WorkerProcessStatus {
  /** `namespace/name`. */
  gateway: string;
  role: WorkerRole;
}

export interface Fleet {
  /**
   * Writes the configurations, starts workers that are new, and stops those of gateways that are gone.
   *
   * @param wanted workers with a plan
   * @param gateways all gateways there are; a worker of one that has no plan just now goes on with what it has
   */
  bring(wanted: readonly WantedWorker[], gateways: readonly ObjectName[]): Promise<void>;
  worker(gateway: ObjectName, role: WorkerRole): WorkerClient | undefined;
  workers(): { shown: ShownWorker; client: WorkerClient }[];
  /** Stops all workers in an orderly way; resolves when the last one is gone. */
  stop(): Promise<void>;
}

export interface FleetOptions {
  state: StateFolder;
  socketFolder: string;
  /** Main modules of the workers. */
  programs: Readonly<Record<WorkerRole, string>>;
  /** Our environment; workers get only what a process needs to run, so that no password in it reaches them. */
  env: Readonly<Record<string, string | undefined>>;
  bucketOf: (uid: string) => number;
  clock: Clock;
  log: EventLog;
  /** Called when a worker's facts or its process changed. */
  onChange: () => void;
  onRestart: (gateway: string, role: WorkerRole) => void;
}

interface Member {
  gateway: ObjectName;
  role: WorkerRole;
  configuration: WorkerConfiguration;
  supervised: SupervisedWorker;
  client: WorkerClient;
  leave: AbortController;
  restarts: number;
}

const PASSED_ON = /^(NODE_COMPILE_CACHE|PATH|HOME|LANG|LC_.*|TZ|TMPDIR|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR))$/;

/** The worker processes of all gateways: one receiver and one poller for each. */
export function createFleet(options: FleetOptions): Fleet {
  const { state, socketFolder, programs, clock, log } = options;
  const members = new Map<string, Member>();
  const leaving = new Set<Promise<void>>();
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.env)) {
    if (value !== undefined && PASSED_ON.test(name)) env[name] = value;
  }

  const start = (id: string, gateway: ObjectName, role: WorkerRole, configuration: WorkerConfiguration): Member => {
    const folder = state.workerFolder(gateway, role);
    const label = { gateway: `${gateway.namespace}/${gateway.name}`, role };
    const socketPath = join(socketFolder, `${createHash('sha256').update(id).digest('hex').slice(0, 12)}.sock`);
    const leave = new AbortController();
    const client = followWorker({ endpoint: { socketPath }, clock, onFacts: options.onChange, signal: leave.signal });
    const supervised = superviseWorker({
      command: [programs[role], '--config', folder, '--status', socketPath, '--exit-with-stdin'],
      label,
      env,
      clock,
      log,
      keepErrors: (lines) => {
        writeFile(join(folder, 'last-crash.txt'), `${lines.join('\n')}\n`, { mode: 0o600 }).catch((error: unknown) =>
          log.warn('crash-not-kept', { ...label, error: String(error) }),
        );
      },
      onChange: () => {
        const member = members.get(id);
        const restarts = member?.supervised.status().restarts ?? 0;
        if (member !== undefined && restarts > member.restarts) {
          member.restarts = restarts;
          options.onRestart(label.gateway, role);
          client.poke();
        }
        options.onChange();
      },
    });
    const member = { gateway, role, configuration, supervised, client, leave, restarts: 0 };
    members.set(id, member);
    return member;
  };
  // Nobody waits for it: a large message may be on its way in for a while.
  const dismiss = (id: string, member: Member): void => {
    members.delete(id);
    member.leave.abort();
    const stopped = member.supervised.stop().finally(() => leaving.delete(stopped));
    leaving.add(stopped);
  };

  return {
    bring: async (wanted, gateways) => {
      const known = new Set(gateways.map(nameOf));
      for (const [id, member] of members) if (!known.has(nameOf(member.gateway))) dismiss(id, member);
      await Promise.all(
        wanted.map(async ({ group, entries }) => {
          const id = idOf(group.gateway, group.role);
          const member = members.get(id);
          const configuration =
            member?.configuration ??
            workerConfiguration(state.workerFolder(group.gateway, group.role), options.bucketOf);
          const files = await configuration.write(group, entries);
          if (files.length > 0) {
            log.info('configuration-written', {
              gateway: nameOf(group.gateway),
              role: group.role,
              files: files.join(' '),
            });
          }
          if (member === undefined) start(id, group.gateway, group.role, configuration);
        }),
      );
    },
    worker: (gateway, role) => members.get(idOf(gateway, role))?.client,
    workers: () =>
      [...members.values()].map(({ gateway, role, supervised, client }) => ({
        shown: { gateway: nameOf(gateway), role, ...supervised.status() },
        client,
      })),
    stop: async () => {
      for (const [id, member] of members) dismiss(id, member);
      await Promise.all(leaving);
    },
  };
}

function nameOf({ namespace, name }: ObjectName): string {
  return `${namespace}/${name}`;
}

function idOf(gateway: ObjectName, role: WorkerRole): string {
  return `${nameOf(gateway)}/${role}`;
}
