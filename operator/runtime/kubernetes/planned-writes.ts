import type { Plan } from '../../plan/plan.ts';
import type { ArchiveVolumes } from './archive-volumes.ts';
import type { GatewayWorkloads } from './gateway-workloads.ts';
import type { Refusals } from './refusals.ts';
import { archiveOf, type WorkKey } from './round.ts';
import type { StatusWriter } from './status-writer.ts';

/** What is to be written, and for which object. */
const KEY = /^(gateway|archive|status):(.*)$/s;

export interface PlannedWrites {
  /**
   * Brings what belongs to the key to what was planned last; of what is gone by then, nothing.
   *
   * @returns when to come again, in ms from now
   * @throws ApiError
   */
  write(key: WorkKey): Promise<{ again?: number } | undefined>;
  /** A write failed: what the API server refuses is told in the status of what it belongs to. @param failures in a row */
  failed(key: WorkKey, error: unknown, failures: number): void;
}

export interface PlannedWritesOptions {
  /** The newest plan. */
  plan: () => Plan | undefined;
  /** Namespaces that workers may run in. */
  namespaces: ReadonlySet<string>;
  workloads: Pick<GatewayWorkloads, 'bring'>;
  volumes: Pick<ArchiveVolumes, 'bring'>;
  statuses: Pick<StatusWriter, 'write'>;
  refusals: Pick<Refusals, 'failed' | 'passed'>;
}

/** Carries out one part of the plan at a time, for a queue that tries each again on its own. */
export function createPlannedWrites(options: PlannedWritesOptions): PlannedWrites {
  const { plan, namespaces, workloads, volumes, statuses, refusals } = options;

  const writeGateway = async (key: string): Promise<{ again?: number } | undefined> => {
    const newest = plan();
    const planned = newest?.gateways.get(key);
    if (newest === undefined || planned === undefined) return undefined;
    if (!namespaces.has(planned.gateway.metadata.namespace)) return undefined;
    return await workloads.bring(planned, archiveOf(newest, planned.gateway));
  };
  const writeArchive = async (key: string): Promise<void> => {
    const planned = plan()?.archives.get(key);
    if (planned !== undefined) await volumes.bring(planned.archive);
  };

  return {
    write: async (key) => {
      const { kind, name } = partsOf(key);
      switch (kind) {
        case 'gateway': {
          const brought = await writeGateway(name);
          refusals.passed(ownerOf.gateway(name));
          return brought;
        }
        case 'archive':
          await writeArchive(name);
          refusals.passed(ownerOf.archive(name));
          return undefined;
        case 'status':
          await statuses.write(name);
          return undefined;
      }
    },
    failed: (key, error, failures) => {
      const { kind, name } = partsOf(key);
      // A status that cannot be written is no place to say so; the queue has logged it.
      if (kind !== 'status') refusals.failed(ownerOf[kind](name), error, failures);
    },
  };
}

/** What a refusal is told of. @param name key of the object */
const ownerOf = {
  gateway: (name: string) => `MailGateway/${name}`,
  archive: (name: string) => `MailArchive/${name}`,
} as const;

function partsOf(key: WorkKey): { kind: 'gateway' | 'archive' | 'status'; name: string } {
  const [, kind, name = ''] = KEY.exec(key) ?? [];
  // The type of the key has no other kinds.
  return { kind: kind as 'gateway' | 'archive' | 'status', name };
}
