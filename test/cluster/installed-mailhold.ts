import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { Condition } from '../../operator/api/resource.ts';
import { type ArchiveItem, readArchive, readMessage } from '../../workers/archive/reader.ts';
import { openFileStore } from '../../workers/archive/store-file.ts';
import type { ClusterWithNode, Outcome } from './cluster.ts';
import { buildImage } from './image.ts';
import { CHART } from './rendered-chart.ts';

const LOOK_AGAIN_MS = 50;

/** An object with a status, as kubectl prints it. */
export interface Shown {
  metadata: { uid: string; name: string; generation: number };
  status?: {
    conditions?: Condition[];
    address?: string;
    endpoint?: string;
    addresses?: string[];
    lastHandledTestAt?: string;
    counts?: { stored: number };
    source?: { waiting: number };
  };
}

/** Mailhold as its chart installs it, on a node. */
export interface InstalledMailhold {
  readonly namespace: string;
  helm(command: 'install' | 'upgrade', values?: object): Promise<string>;
  uninstall(): Promise<void>;
  kubectl(...args: string[]): Promise<string>;
  apply(...objects: object[]): Promise<string>;
  show(resource: string, name: string, namespace: string): Promise<Shown>;
  /** Looks until the object is so, and returns it. @param ms after which it throws with what it saw last */
  until(
    what: string,
    resource: string,
    name: string,
    namespace: string,
    is: (shown: Shown) => boolean,
    ms?: number,
  ): Promise<Shown>;
  /** Bytes of all messages in the archive of this claim, read from the volume, not by way of Mailhold's pods. */
  messages(claim: string): Promise<Buffer[]>;
}

/** @param namespace of the release and of gateways; it is made, and enforces the restricted profile */
export async function installedMailhold(cluster: ClusterWithNode, namespace: string): Promise<InstalledMailhold> {
  const { tar, name: image } = await buildImage();
  await cluster.importImage(tar);
  const [repository, tag] = image.split(':');
  const kubectl = async (...args: string[]): Promise<string> => done(await cluster.kubectl(args));
  await kubectl('create', 'namespace', namespace);
  await kubectl('label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted');

  const show = async (resource: string, name: string, where: string): Promise<Shown> =>
    JSON.parse(await kubectl('get', resource, name, '-n', where, '-o', 'json')) as Shown;
  return {
    namespace,
    kubectl,
    helm: async (command, values = {}) => {
      const args = [command, 'mailhold', CHART, '--namespace', namespace, '-f', '-', '--wait', '--timeout', '60s'];
      const given = { image: { repository, tag, pullPolicy: 'Never' }, ...values };
      return done(await cluster.helm(args, { input: JSON.stringify(given) }));
    },
    uninstall: async () => {
      done(await cluster.helm(['uninstall', 'mailhold', '--namespace', namespace, '--wait']));
    },
    apply: async (...objects) => {
      const input = objects.map((object) => JSON.stringify(object)).join('\n---\n');
      return done(await cluster.kubectl(['apply', '-f', '-'], { input }));
    },
    show,
    until: async (what, resource, name, where, is, ms = 30_000) => {
      const deadline = performance.now() + ms;
      for (;;) {
        const shown = await show(resource, name, where);
        if (is(shown)) return shown;
        if (performance.now() > deadline) {
          throw new Error(`${what} did not come within ${ms} ms: ${JSON.stringify(shown.status, undefined, 1)}`);
        }
        await pause(LOOK_AGAIN_MS);
      }
    },
    messages: async (claim) => {
      const volume = await kubectl('get', 'pvc', claim, '-n', namespace, '-o', 'jsonpath={.spec.volumeName}');
      const store = await openFileStore(cluster.volumePath(volume));
      const found: Buffer[] = [];
      for await (const item of readArchive(store)) {
        const record = messageOf(item);
        if (record !== undefined) found.push(Buffer.concat(await Array.fromAsync(readMessage(store, record))));
      }
      return found;
    },
  };
}

/** `True Succeeded`, or undefined while there is no such light. */
export function light({ status }: Shown, type: string): string | undefined {
  const condition = status?.conditions?.find((it) => it.type === type);
  return condition && `${condition.status} ${condition.reason}`;
}

export function words({ status }: Shown, type = 'Ready'): string {
  return status?.conditions?.find((it) => it.type === type)?.message ?? '';
}

/** Whether its lights are those of the manifest as it is now, and the green one is on. */
export function isGreen(shown: Shown): boolean {
  const ready = shown.status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' && ready.observedGeneration === shown.metadata.generation;
}

export function done({ code, stdout, stderr }: Outcome): string {
  assert.equal(code, 0, stderr);
  return stdout;
}

function messageOf(item: ArchiveItem) {
  assert.notEqual(item.kind, 'damage');
  return item.kind === 'message' ? item : undefined;
}
