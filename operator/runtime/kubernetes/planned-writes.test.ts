import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kubernetesScene } from '../../../test/kubernetes-scene.ts';
import { ApiError } from '../../kube/api-error.ts';
import { type Plan, plan } from '../../plan/plan.ts';
import { createPlannedWrites } from './planned-writes.ts';
import { createRefusals } from './refusals.ts';

const PLAN = plan(kubernetesScene({}));

function fixture(newest: Plan | undefined, namespaces: string[] = ['contoso']) {
  const brought: string[] = [];
  const refusals = createRefusals(() => undefined);
  const writes = createPlannedWrites({
    plan: () => newest,
    namespaces: new Set(namespaces),
    workloads: {
      bring: async ({ gateway }, archive) => {
        brought.push(`gateway ${gateway.metadata.name} with ${archive?.metadata.name}`);
        return { again: 7 };
      },
    },
    volumes: { bring: async ({ metadata }) => void brought.push(`archive ${metadata.name}`) },
    statuses: { write: async (key) => void brought.push(`status ${key}`) },
    refusals,
  });
  return { brought, refusals, writes };
}

const REFUSED = new ApiError('Invalid', 'It is refused.');

test('each key brings its own, and a gateway with its archive', async () => {
  const { writes, brought } = fixture(PLAN);
  assert.deepEqual(await writes.write('gateway:contoso/default'), { again: 7 });
  await writes.write('archive:contoso/mail');
  await writes.write('status:MailGateway/contoso/default/uid:7');
  assert.deepEqual(brought, ['gateway default with mail', 'archive mail', 'status MailGateway/contoso/default/uid:7']);
});

const nothing: [string, ReturnType<typeof fixture>][] = [
  ['before the first plan', fixture(undefined)],
  ['of what is planned no more', fixture(plan({ ...kubernetesScene({}), gateways: [], archives: [] }))],
];
for (const [when, { writes, brought, refusals }] of nothing) {
  test(`nothing is written ${when}, and nothing of it stays refused`, async () => {
    for (const key of ['gateway:contoso/default', 'archive:contoso/mail'] as const) {
      writes.failed(key, REFUSED, 1);
      await writes.write(key);
    }
    assert.deepEqual(brought, []);
    assert.equal(refusals.faults.size, 0);
  });
}

test('a gateway where no workers may run gets none', async () => {
  const { writes, brought } = fixture(PLAN, ['elsewhere']);
  await writes.write('gateway:contoso/default');
  assert.deepEqual(brought, []);
});

test('what is refused is told of the object that it belongs to, until it is written', async () => {
  const { writes, refusals } = fixture(PLAN);
  writes.failed('gateway:contoso/default', REFUSED, 1);
  writes.failed('archive:contoso/mail', REFUSED, 1);
  writes.failed('status:MailGateway/contoso/default/uid', REFUSED, 1);
  assert.deepEqual([...refusals.faults.keys()], ['MailGateway/contoso/default', 'MailArchive/contoso/mail']);
  await writes.write('gateway:contoso/default');
  await writes.write('archive:contoso/mail');
  assert.equal(refusals.faults.size, 0);
});
