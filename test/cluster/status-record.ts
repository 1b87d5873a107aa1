import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { checkKstatus } from '../kstatus.ts';
import type { Cluster } from './cluster.ts';
import type { Shown } from './installed-mailhold.ts';
import { mortal } from './program.ts';

const PLURALS = ['archiveconnections', 'mailgateways', 'mailarchives'] as const;
const DEADLINE_MS = 15_000;

/** An object of ours as a watch shows it. */
export interface Watched extends Shown {
  kind: string;
  metadata: Shown['metadata'] & { namespace: string; resourceVersion: string };
  status?: Shown['status'] & { observedGeneration?: number };
}

/** Every status of the three kinds, as anybody would see it who watches them. */
export interface StatusRecord extends AsyncDisposable {
  /** What was wrong in a status that was seen, by test/kstatus.ts. */
  readonly faults: readonly string[];
  /** Reasons of all conditions that were seen. */
  readonly reasons: ReadonlySet<string>;
  /** Every version of the object that was seen, oldest first, also of one before of the same name. */
  versions(kind: string, namespace: string, name: string): readonly Watched[];
  /**
   * Resolves with the object once it is so. @param ms after which it throws with what it saw last
   */
  until(
    what: string,
    kind: string,
    namespace: string,
    name: string,
    is: (object: Watched) => boolean,
    ms?: number,
  ): Promise<Watched>;
}

interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  object: Watched;
}

/** @param namespaces whose objects are looked at; others belong to somebody else */
export async function recordStatuses(cluster: Cluster, namespaces: readonly string[]): Promise<StatusRecord> {
  const faults: string[] = [];
  const reasons = new Set<string>();
  const versions = new Map<string, Watched[]>();
  const present = new Map<string, Watched>();
  const waiting = new Set<() => void>();

  const take = ({ type, object }: WatchEvent): void => {
    const { kind, metadata, status } = object;
    if (!namespaces.includes(metadata.namespace)) return;
    const id = idOf(kind, metadata.namespace, metadata.name);
    versions.set(id, [...(versions.get(id) ?? []), object]);
    if (type === 'DELETED') present.delete(id);
    else present.set(id, object);
    for (const { reason } of status?.conditions ?? []) reasons.add(reason);
    const fault = faultOf(object);
    if (fault !== undefined) faults.push(fault);
    for (const look of waiting) look();
  };
  const watches = PLURALS.map((plural) => watch(cluster, plural, take));

  return {
    faults,
    reasons,
    versions: (kind, namespace, name) => versions.get(idOf(kind, namespace, name)) ?? [],
    until: async (what, kind, namespace, name, is, ms = DEADLINE_MS) => {
      const id = idOf(kind, namespace, name);
      const { promise, resolve, reject } = Promise.withResolvers<Watched>();
      const look = (): void => {
        const object = present.get(id);
        if (object !== undefined && is(object)) resolve(object);
      };
      const timer = setTimeout(() => {
        const shown = JSON.stringify(present.get(id)?.status, undefined, 1);
        reject(new Error(`${what}: ${id} is not so after ${ms} ms: ${shown}`));
      }, ms);
      waiting.add(look);
      look();
      try {
        return await promise;
      } finally {
        clearTimeout(timer);
        waiting.delete(look);
      }
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(watches.map((it) => it[Symbol.asyncDispose]()));
    },
  };
}

function idOf(kind: string, namespace: string, name: string): string {
  return `${kind} ${namespace}/${name}`;
}

/**
 * What is wrong in a status, at whatever moment it is read. After a change of the spec it stays for a while as it was: then
 * it has to be right for the generation that it names.
 */
function faultOf(object: Watched): string | undefined {
  const { kind, metadata, status } = object;
  const observed = status?.observedGeneration;
  const where = `${kind} ${metadata.namespace}/${metadata.name}`;
  if (observed === -1) {
    return status?.conditions === undefined ? undefined : `${where} has conditions before it was looked at`;
  }
  if (observed === undefined || observed > metadata.generation) return `${where}: observedGeneration ${observed}`;
  try {
    checkKstatus({ ...object, metadata: { ...metadata, generation: observed } });
    return undefined;
  } catch (error) {
    return `${where}: ${error instanceof Error ? error.message : String(error)}: ${JSON.stringify(status)}`;
  }
}

function watch({ programs, kubeconfig }: Cluster, plural: string, take: (event: WatchEvent) => void): AsyncDisposable {
  const args = ['get', plural, '-A', '--watch', '--output-watch-events', '-o', 'json', `--kubeconfig=${kubeconfig}`];
  const [file = programs.kubectl, ...rest] = mortal([programs.kubectl, ...args]);
  const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  createInterface({ input: child.stdout }).on('line', (line) => take(JSON.parse(line) as WatchEvent));
  return {
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await exit;
    },
  };
}
