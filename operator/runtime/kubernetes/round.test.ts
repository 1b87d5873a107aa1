import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KUBERNETES_IMAP } from '../../../test/kubernetes-scene.ts';
import { clusterInMemory, comeAlive, operatorInMemory, setPod } from '../../../test/operator-in-memory.ts';
import { refusedLogin, SMTP } from '../../../test/plan-scene.ts';
import { findCondition } from '../../api/conditions.ts';
import type { AnyResource } from '../../api/kinds.ts';
import { ApiError } from '../../kube/api-error.ts';
import type { ObjectsInMemory } from '../../kube/testing/objects-in-memory.ts';
import { sceneClock } from './testing/worker-scene.ts';

/** `True Succeeded` of the object's green light. */
function light(memory: ObjectsInMemory, key: string): string {
  const { status } = memory.objects.get(key) as AnyResource;
  const ready = findCondition(status?.conditions, 'Ready');
  return `${ready?.status} ${ready?.reason}`;
}

const JOURNAL = 'archiveconnections/contoso/journal';
const MAILBOX = 'archiveconnections/contoso/undelivered';
const EDGE = 'mailgateways/contoso/default';
const ARCHIVE = 'mailarchives/contoso/mail';

/** A cluster whose workers serve everything, and its operator. */
async function running() {
  const memory = clusterInMemory(SMTP, KUBERNETES_IMAP);
  const it = operatorInMemory(memory);
  await it.settle();
  comeAlive(memory);
  await it.settle();
  it.clock.pass(300);
  it.serve();
  await it.settle();
  it.takeWrites();
  return { memory, ...it };
}

test('from manifests alone to green lights', async () => {
  const memory = clusterInMemory(SMTP, KUBERNETES_IMAP);
  const it = operatorInMemory(memory);
  await it.settle();
  assert.equal(light(memory, EDGE), 'Unknown Progressing');
  comeAlive(memory);
  await it.settle();
  it.clock.pass(300);
  it.serve();
  await it.settle();
  assert.ok(memory.objects.has('secrets/contoso/default-receiver-group'));
  for (const key of [JOURNAL, MAILBOX, EDGE, ARCHIVE]) assert.equal(light(memory, key), 'True Succeeded', key);
  assert.deepEqual(it.events.sort(), [
    'default Succeeded',
    'journal Succeeded',
    'mail Succeeded',
    'undelivered Succeeded',
  ]);
});

test('while nothing changes nothing is written, also by the next process', async () => {
  const { memory, settle, serve, clock, takeWrites } = await running();
  clock.pass(60_000);
  serve();
  await settle();
  assert.deepEqual(takeWrites(), []);
  const next = operatorInMemory(memory, clock);
  await next.settle();
  assert.deepEqual(next.takeWrites(), [], 'its workers have not answered yet, and lights stay as they are');
  next.serve();
  await next.settle();
  assert.deepEqual(next.takeWrites(), []);
  assert.deepEqual(next.events, []);
});

test('after ten seconds the silence of workers counts, and after three minutes it has a name', async () => {
  const { memory, clock } = await running();
  const next = operatorInMemory(memory, clock);
  const again = await next.settle();
  assert.ok(again !== undefined && again <= clock.now() + 1_000, 'it looks again soon');
  clock.pass(10_000);
  await next.settle();
  assert.equal(light(memory, JOURNAL), 'Unknown Progressing');
  clock.pass(180_000);
  await next.settle();
  assert.equal(light(memory, JOURNAL), 'Unknown WorkerUnreachable');
});

test('a refused login turns the light red, and has the password read again at once', async () => {
  const { memory, settle, serve, events } = await running();
  serve((entry) => (entry.method === 'IMAP' ? refusedLogin() : undefined));
  memory.takeCalls();
  await settle();
  assert.equal(light(memory, MAILBOX), 'False AuthenticationFailed');
  assert.equal(light(memory, JOURNAL), 'True Succeeded');
  assert.ok(events.includes('undelivered AuthenticationFailed'));
  assert.deepEqual(
    memory.takeCalls().filter((call) => call === 'get secrets/contoso/mail'),
    ['get secrets/contoso/mail'],
    'once for one refusal',
  );
});

test('a connection that is being deleted is served no more, and its light stays', async () => {
  const { memory, settle, clock, round } = await running();
  clock.pass(3_000);
  const before = light(memory, MAILBOX);
  memory.edit(MAILBOX, ({ metadata }) => Object.assign(metadata, { deletionTimestamp: '2026-11-25T14:31:00Z' }));
  await settle();
  assert.deepEqual(round.plan?.gateways.get('contoso/default')?.pollerEntries, [[]]);
  assert.equal(light(memory, MAILBOX), before);
});

test('the keys of the workers are made anew where a pod waits for them', async () => {
  const { memory, settle, clock, takeWrites } = await running();
  const keys = 'secrets/contoso/default-status-tls';
  memory.objects.delete(keys);
  const making = { containerStatuses: [{ restartCount: 0, state: { waiting: { reason: 'ContainerCreating' } } }] };
  setPod(memory, 'new', { status: making });
  const again = await settle();
  assert.equal(again, clock.now() + 5_000);
  assert.deepEqual(takeWrites(), []);
  clock.pass(5_000);
  await settle();
  assert.deepEqual(takeWrites(), [`apply ${keys}`]);
});

test('while the API server answers nothing about Secrets, what is served stays', async () => {
  const { memory, settle, serve, clock, takeWrites } = await running();
  memory.meddle = (call) => {
    if (call.startsWith('get secrets/')) throw new ApiError('Timeout', 'no answer');
  };
  clock.pass(400_000);
  serve();
  await settle();
  assert.deepEqual(takeWrites(), []);
  for (const key of [JOURNAL, MAILBOX, EDGE]) assert.equal(light(memory, key), 'True Succeeded', key);
});

test('what the API server refuses is told by the light of what it belongs to', async () => {
  const memory = clusterInMemory(SMTP);
  memory.meddle = (call) => {
    if (call === 'apply services/contoso/default-receiver') throw new ApiError('Invalid', 'The port is taken.');
  };
  const it = operatorInMemory(memory);
  await it.settle();
  assert.equal(light(memory, EDGE), 'False ObjectRefused');
  assert.equal(light(memory, ARCHIVE).split(' ')[0], 'Unknown');
});

test('where no workers may run, nothing is made, and the status says so', async () => {
  const memory = clusterInMemory(SMTP);
  const it = operatorInMemory(memory, sceneClock(), ['elsewhere']);
  await it.settle();
  assert.ok(it.takeWrites().every((call) => call.startsWith('applyStatus ')));
  assert.match(light(memory, EDGE), /^False /);
});

test('a gateway that was made anew under the same name has its objects made for the new one', async () => {
  const { memory, settle, clock } = await running();
  clock.pass(3_000);
  const { status: _, ...gateway } = memory.objects.get(EDGE) as AnyResource;
  memory.objects.set(EDGE, { ...gateway, metadata: { ...gateway.metadata, uid: 'another' } });
  await settle();
  for (const kind of ['services/contoso/default-receiver', 'deployments/contoso/default-poller-0']) {
    assert.equal(memory.objects.get(kind)?.metadata.ownerReferences?.[0]?.uid, 'another', kind);
  }
});
