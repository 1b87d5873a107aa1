import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kubernetesScene } from '../../../test/kubernetes-scene.ts';
import type { ClaimState } from '../../plan/inputs.ts';
import { claimStates } from './archive-claims.ts';
import type { LiveClaim } from './watched.ts';

function claim(name: string, rest: Pick<LiveClaim, 'spec' | 'status'>, namespace = 'contoso'): LiveClaim {
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { namespace, name }, ...rest };
}

const BOUND = { spec: { accessModes: ['ReadWriteOnce'] }, status: { phase: 'Bound', capacity: { storage: '10Gi' } } };

const cases: { name: string; volume?: string; claims: LiveClaim[]; state: ClaimState }[] = [
  { name: 'no claim', claims: [], state: { missing: true } },
  { name: 'one of another archive', claims: [claim('other-archive', BOUND)], state: { missing: true } },
  { name: 'one of another namespace', claims: [claim('mail-mail', BOUND, 'fabrikam')], state: { missing: true } },
  {
    name: 'its own, bound',
    claims: [claim('mail-mail', BOUND)],
    state: { phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: '10Gi' },
  },
  {
    name: 'one of its owner',
    volume: 'claimName: theirs',
    claims: [claim('mail-mail', {}), claim('theirs', BOUND)],
    state: { phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: '10Gi' },
  },
  {
    name: 'a volume that can do more than was asked for',
    claims: [claim('mail-mail', { ...BOUND, status: { ...BOUND.status, accessModes: ['ReadWriteMany'] } })],
    state: { phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: '10Gi' },
  },
  {
    name: 'one without a status yet',
    claims: [claim('mail-mail', {})],
    state: { phase: 'Pending', accessModes: [] },
  },
  {
    name: 'one that has lost its volume',
    claims: [claim('mail-mail', { spec: {}, status: { phase: 'Lost' } })],
    state: { phase: 'Lost', accessModes: [] },
  },
];

for (const { name, volume, claims, state } of cases) {
  test(`what planning knows of ${name}`, () => {
    const { archives } = kubernetesScene(volume === undefined ? {} : { volume });
    assert.deepEqual([...claimStates(archives, claims)], [['contoso/mail', state]]);
  });
}
