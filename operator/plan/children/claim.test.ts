import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatewayScene } from '../../../test/gateway-scenes.ts';
import { archiveClaimName } from './archive-claim-name.ts';
import { archiveClaim } from './claim.ts';

const cases = [
  { volume: { size: '10Gi' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Gi' } } } },
  {
    volume: { size: '10Gi', accessMode: 'ReadWriteMany', storageClassName: 'shared' },
    spec: {
      accessModes: ['ReadWriteMany'],
      resources: { requests: { storage: '10Gi' } },
      storageClassName: 'shared',
    },
  },
];

for (const { volume, spec } of cases) {
  test(`an archive with ${JSON.stringify(volume)} gets a claim that outlives it`, () => {
    const { archive } = gatewayScene('mail', { volume });
    const claim = archiveClaim(archive);
    assert.deepEqual(claim?.spec, spec);
    assert.equal(claim?.metadata.name, 'mail-mail');
    assert.equal(claim?.metadata.name, archiveClaimName(archive));
    assert.equal(claim?.metadata.ownerReferences, undefined);
  });
}

test('an archive with a claim of its owner gets none', () => {
  const { archive } = gatewayScene('mail', { volume: { claimName: 'mail-of-2019' } });
  assert.equal(archiveClaim(archive), undefined);
  assert.equal(archiveClaimName(archive), 'mail-of-2019');
});
