import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatewayOf, kubernetesScene } from '../../../test/kubernetes-scene.ts';
import type { MailGatewayStatus } from '../../api/mail-gateway.ts';
import { plan } from '../../plan/plan.ts';
import { recordLights } from './lights-log.ts';

type Light = [
  status: 'True' | 'False' | 'Unknown',
  reason: 'Succeeded' | 'Progressing' | 'ListenFailed' | 'Disabled',
  message?: string,
];

function statusWith(light: Light | undefined): MailGatewayStatus | undefined {
  if (light === undefined) return undefined;
  const [status, reason, message = 'words'] = light;
  const lastTransitionTime = '2026-11-25T14:30:00Z';
  return { conditions: [{ type: 'Ready', status, reason, message, observedGeneration: 1, lastTransitionTime }] };
}

const cases: { name: string; before?: Light; after: Light; event: string | undefined }[] = [
  {
    name: 'goes out',
    before: ['True', 'Succeeded'],
    after: ['False', 'ListenFailed'],
    event: 'Warning ListenFailed: words',
  },
  {
    name: 'comes back',
    before: ['False', 'ListenFailed'],
    after: ['True', 'Succeeded'],
    event: 'Normal Succeeded: words',
  },
  {
    name: 'comes on',
    before: ['Unknown', 'Progressing'],
    after: ['True', 'Succeeded'],
    event: 'Normal Succeeded: words',
  },
  { name: 'never was, and is out', after: ['False', 'ListenFailed'], event: 'Warning ListenFailed: words' },
  {
    name: 'has another cause',
    before: ['True', 'Succeeded'],
    after: ['True', 'Disabled'],
    event: 'Normal Disabled: words',
  },
  {
    name: 'has no words',
    before: ['Unknown', 'Progressing'],
    after: ['True', 'Disabled', ''],
    event: 'Normal Disabled: Disabled',
  },
  {
    name: 'has other words',
    before: ['False', 'ListenFailed', 'x'],
    after: ['False', 'ListenFailed', 'y'],
    event: undefined,
  },
  { name: 'is under way', before: ['True', 'Succeeded'], after: ['Unknown', 'Progressing'], event: undefined },
  { name: 'is as it was', before: ['True', 'Succeeded'], after: ['True', 'Succeeded'], event: undefined },
];

for (const { name, before, after, event } of cases) {
  test(`the Event of a light that ${name}: ${event ?? 'none'}`, () => {
    const gateway = gatewayOf(plan(kubernetesScene({})))?.gateway;
    assert.ok(gateway);
    const events: string[] = [];
    const record = ({ type, reason, note }: { type: string; reason: string; note: string }): void =>
      void events.push(`${type} ${reason}: ${note}`);
    recordLights({ record }, gateway, statusWith(before), statusWith(after) ?? {});
    assert.deepEqual(events, event === undefined ? [] : [event]);
  });
}
