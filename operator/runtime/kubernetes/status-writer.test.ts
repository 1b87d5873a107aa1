import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatewayOf, kubernetesScene } from '../../../test/kubernetes-scene.ts';
import type { MailGateway, MailGatewayStatus } from '../../api/mail-gateway.ts';
import { ApiError } from '../../kube/api-error.ts';
import { objectsInMemory } from '../../kube/testing/objects-in-memory.ts';
import { plan } from '../../plan/plan.ts';
import { types } from './resource-types.ts';
import { createStatusWriter } from './status-writer.ts';
import { sceneLog } from './testing/worker-scene.ts';

const KEY = 'mailgateways/contoso/default';
const PLANNED = gatewayOf(plan(kubernetesScene({})));

function fixture() {
  assert.ok(PLANNED);
  const memory = objectsInMemory();
  memory.objects.set(KEY, structuredClone(PLANNED.gateway));
  memory.edit(KEY, ({ metadata }) => Object.assign(metadata, { labels: { made: 'now' } }));
  const writer = createStatusWriter(memory.client, sceneLog());
  /** As a watch shows it, now. */
  const seen = (): MailGateway => structuredClone(memory.objects.get(KEY)) as MailGateway;
  const status = (connections: number, count = 0): MailGatewayStatus => ({
    ...PLANNED.status,
    connections,
    unknownRecipients: { count },
  });
  /** What one round and the queue do. */
  const bring = async (resource: MailGateway, wanted: MailGatewayStatus): Promise<string[]> => {
    const key = writer.want(resource, wanted);
    if (key !== undefined) await writer.write(key);
    return memory.takeCalls();
  };
  /** A new object under the same name. */
  const replace = (): void => {
    const { status: _, ...rest } = seen();
    memory.objects.delete(KEY);
    memory.objects.set(KEY, { ...rest, metadata: { ...rest.metadata, uid: 'another', resourceVersion: '900' } });
  };
  return { memory, writer, seen, status, bring, replace };
}

const WRITE = [`applyStatus ${KEY}`];

test('a status is written once, and again where it says something else', async () => {
  const { bring, seen, status } = fixture();
  assert.deepEqual(await bring(seen(), status(1)), WRITE);
  assert.deepEqual(await bring(seen(), status(1)), []);
  assert.deepEqual(await bring(seen(), status(2)), WRITE);
  assert.equal(seen().status?.connections, 2);
});

test('numbers that move are not written alone, and ride along with the next change', async () => {
  const { bring, seen, status, writer } = fixture();
  await bring(seen(), status(1, 5));
  assert.deepEqual(await bring(seen(), status(1, 6)), []);
  assert.deepEqual(writer.current(seen()), status(1, 5), 'the plan goes on from what was written');
  assert.deepEqual(await bring(seen(), status(2, 7)), WRITE);
  assert.equal(seen().status?.unknownRecipients?.count, 7);
});

test('after a restart what is there already is not written', async () => {
  const { bring, seen, status, memory } = fixture();
  await bring(seen(), status(1));
  const next = createStatusWriter(memory.client, sceneLog());
  assert.deepEqual(next.current(seen()), status(1));
  assert.equal(next.want(seen(), status(1)), undefined);
});

test('a watch that lags behind our own writes tells of no foreign change', async () => {
  const { bring, seen, status } = fixture();
  const first = seen();
  await bring(first, status(1));
  const second = seen();
  assert.deepEqual(await bring(first, status(1)), []);
  assert.deepEqual(await bring(first, status(2)), WRITE);
  assert.deepEqual(await bring(first, status(2)), []);
  assert.deepEqual(await bring(second, status(2)), []);
  assert.deepEqual(await bring(seen(), status(2)), []);
});

test('a write that is seen before its answer came is our own too', async () => {
  const { seen, status, writer, memory } = fixture();
  const key = writer.want(seen(), status(1)) ?? '';
  const write = writer.write(key);
  const edited = seen();
  assert.equal(writer.want(edited, status(1)), undefined);
  await write;
  assert.equal(writer.want(seen(), status(1)), undefined);
  assert.deepEqual(memory.takeCalls(), WRITE);
});

test('a foreign change is repaired', async () => {
  const { bring, seen, status, memory } = fixture();
  await bring(seen(), status(1));
  await bring(seen(), status(1));
  memory.edit(KEY, (object) => Object.assign(object, { status: status(9) }));
  assert.deepEqual(await bring(seen(), status(1)), WRITE);
  assert.equal(seen().status?.connections, 1);
});

test('so is one that hides our own write from a watch that shows the newest alone', async () => {
  const { bring, seen, status, memory } = fixture();
  await bring(seen(), status(1));
  memory.edit(KEY, (object) => Object.assign(object, { status: status(9) }));
  assert.deepEqual(await bring(seen(), status(1)), WRITE, 'version of our own write was never shown');
  memory.edit(KEY, ({ metadata }) => Object.assign(metadata, { labels: { edited: 'soon after' } }));
  assert.deepEqual(await bring(seen(), status(1)), []);
  memory.edit(KEY, (object) => Object.assign(object, { status: status(8) }));
  assert.deepEqual(await bring(seen(), status(1)), WRITE);
});

test('a write that fails is asked for once, and tried by whoever has the key', async () => {
  const { seen, status, writer, memory } = fixture();
  memory.meddle = () => {
    throw new ApiError('Unavailable', 'later');
  };
  const key = writer.want(seen(), status(1)) ?? '';
  await assert.rejects(writer.write(key), { code: 'Unavailable' });
  assert.equal(writer.want(seen(), status(1)), undefined);
  memory.meddle = () => undefined;
  await writer.write(key);
  assert.equal(seen().status?.connections, 1);
  await writer.write(key);
  assert.equal(memory.takeCalls().length, 2, 'what is written is not written again');
});

test('a re-created object of the same name starts anew', async () => {
  const { bring, seen, status, writer, replace } = fixture();
  await bring(seen(), status(1));
  replace();
  assert.equal(writer.current(seen()), undefined);
  assert.deepEqual(await bring(seen(), status(1)), WRITE);
});

test('also where the status of the one before it came to it', async () => {
  const { bring, seen, status, writer, replace, memory } = fixture();
  const key = writer.want(seen(), status(1)) ?? '';
  replace();
  await writer.write(key);
  assert.deepEqual(memory.takeCalls(), WRITE);
  assert.equal(seen().status?.connections, 1);
  assert.equal(writer.current(seen()), undefined);
  assert.deepEqual(await bring(seen(), status(0)), WRITE);
  assert.deepEqual(writer.current(seen()), status(0));
  writer.keep([seen()]);
  assert.deepEqual(writer.current(seen()), status(0));
});

test('objects that are gone are forgotten, with what was to be written to them', async () => {
  const { seen, status, writer, memory } = fixture();
  const key = writer.want(seen(), status(1)) ?? '';
  writer.keep([]);
  await writer.write(key);
  assert.deepEqual(memory.takeCalls(), []);
  assert.equal(writer.current(seen()), undefined);
});

test('only the fields of the status are written, for its own manager', async () => {
  const { seen, status } = fixture();
  const written: unknown[] = [];
  const writer = createStatusWriter(
    {
      applyStatus: async (type, object, options) => {
        written.push([type, object, options]);
        return seen() as never;
      },
    },
    sceneLog(),
  );
  await writer.write(writer.want(seen(), status(1)) ?? '');
  assert.deepEqual(written, [
    [
      types.MailGateway,
      {
        apiVersion: 'mailhold.dev/v1alpha1',
        kind: 'MailGateway',
        metadata: { namespace: 'contoso', name: 'default' },
        status: status(1),
      },
      { manager: 'mailhold-status' },
    ],
  ]);
});
