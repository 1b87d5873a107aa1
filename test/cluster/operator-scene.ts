import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isReason } from '../../operator/api/reasons.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { done, light } from './installed-mailhold.ts';
import type { Names } from './operator-manifests.ts';
import { operatorRights } from './operator-rights.ts';
import { type RunningOperator, startOperator } from './running-operator.ts';
import { recordStatuses, type StatusRecord, type Watched } from './status-record.ts';

const CRDS = join(import.meta.dirname, '../../crds');

/** The API server's words on them. */
const RIGHTS_MISSING = /is forbidden: User /;

export type Kind = 'ArchiveConnection' | 'MailGateway' | 'MailArchive';

/** An operator that runs with the rights of the chart, in namespaces of its own, and whoever watches what it does. */
export interface OperatorScene extends AsyncDisposable {
  readonly cluster: Cluster;
  /** Where gateways may live. */
  readonly edge: string;
  /** Of tenants; no gateway may live here. */
  readonly tenant: string;
  readonly statuses: StatusRecord;
  /** The one that runs now. */
  readonly operator: RunningOperator;
  /** @returns what it prints; throws with what it says where it fails */
  kubectl(...args: string[]): Promise<string>;
  apply(...objects: object[]): Promise<string>;
  /**
   * Resolves with the object once its Ready is this, such as `False NoArchive`.
   *
   * @param ms after which it throws with what it saw last
   */
  shows(kind: Kind, object: Names, ready: string, ms?: number): Promise<Watched>;
  /** Ends the operator in order and starts it again. */
  restart(): Promise<void>;
  /**
   * Throws where a status was seen that breaks a rule, a reason that is in no catalogue, or a right that is missing.
   *
   * @param refused calls that were to be refused for another reason, such as `apply secrets`
   */
  check(refused?: readonly string[]): Promise<void>;
}

/** @param name what its namespaces begin with */
export async function operatorScene(name: string): Promise<OperatorScene> {
  await using stack = new AsyncDisposableStack();
  const cluster = stack.use(await startCluster({ node: false }));
  const kubectl = async (...args: string[]): Promise<string> => done(await cluster.kubectl(args));
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-operator-'));
  stack.defer(() => rm(folder, { recursive: true }));

  const prefix = `${name}-${randomUUID().slice(0, 6)}`;
  const edge = `${prefix}-edge`;
  const tenant = `${prefix}-tenant`;
  await kubectl('apply', '--server-side', '--force-conflicts', '-f', CRDS);
  await kubectl('wait', '--for=condition=Established', '-f', CRDS);
  for (const namespace of [edge, tenant]) {
    await kubectl('create', 'namespace', namespace);
    stack.defer(async () => {
      await cluster.kubectl(['delete', 'namespace', namespace, '--wait=false']);
    });
  }
  const rights = stack.use(
    await operatorRights(cluster, { name: `mailhold-${prefix}`, namespace: edge }, [edge], folder),
  );
  const statuses = stack.use(await recordStatuses(cluster, [edge, tenant]));
  const start = () => startOperator({ kubeconfig: rights.kubeconfig, namespace: edge, gatewayNamespaces: [edge] });
  const log: RunningOperator['log'][] = [];
  let operator = await start();
  stack.defer(async () => {
    // What is left of them would be the next operator's to look after, in namespaces that take nothing any more.
    for (const namespace of [edge, tenant]) await cluster.kubectl(['delete', 'mailhold', '--all', '-n', namespace]);
  });
  stack.defer(() => operator[Symbol.asyncDispose]());
  log.push(operator.log);
  const kept = stack.move();

  return {
    cluster,
    edge,
    tenant,
    statuses,
    get operator() {
      return operator;
    },
    kubectl,
    apply: async (...objects) => {
      const input = objects.map((object) => JSON.stringify(object)).join('\n---\n');
      return done(await cluster.kubectl(['apply', '-f', '-'], { input }));
    },
    shows: (kind, { namespace, name }, ready, ms) =>
      statuses.until(ready, kind, namespace, name, (it) => light(it, 'Ready') === ready, ms),
    restart: async () => {
      assert.equal(await operator.stop(), 0, 'the operator ended in order');
      operator = await start();
      log.push(operator.log);
    },
    check: async (refused = []) => {
      assert.deepEqual(statuses.faults, []);
      const unknown = [...statuses.reasons].filter((reason) => !isReason(reason));
      assert.deepEqual(unknown, [], 'every reason is in the catalogue');
      const denied = log.flat().filter((line) => RIGHTS_MISSING.test(JSON.stringify(line)));
      assert.deepEqual(denied, [], 'the chart grants all that the operator needs');
      const expected = refused.map((call) => `${call} Forbidden`);
      const forbidden = Object.keys(await operator.calls()).filter((call) => call.endsWith(' Forbidden'));
      assert.deepEqual(
        forbidden.filter((call) => !expected.includes(call)),
        [],
        'nor is a call refused in silence',
      );
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
