import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kubernetesScene } from '../../../test/kubernetes-scene.ts';
import type { MailArchive } from '../../api/mail-archive.ts';
import { objectsInMemory } from '../../kube/testing/objects-in-memory.ts';
import { createArchiveVolumes } from './archive-volumes.ts';

const CLAIM = 'persistentvolumeclaims/contoso/mail-mail';

function archiveWith(volume: string): MailArchive {
  const [archive] = kubernetesScene({ volume }).archives;
  assert.ok(archive);
  return archive;
}

const OWN = archiveWith('size: 10Gi');

function fixture(...namespaces: string[]) {
  const memory = objectsInMemory();
  const volumes = createArchiveVolumes(memory.client, { live: memory.live }, new Set(namespaces));
  return { memory, volumes };
}

test('the claim of a volume is made once', async () => {
  const { memory, volumes } = fixture('contoso');
  await volumes.bring(OWN);
  await volumes.bring(OWN);
  assert.deepEqual(memory.takeCalls(), [`apply ${CLAIM}`]);
  assert.equal(
    memory.objects.get(CLAIM)?.metadata.ownerReferences,
    undefined,
    'it outlives the archive: it holds the mail',
  );
});

test('a claim that somebody else made is left to them', async () => {
  const { memory, volumes } = fixture('contoso');
  await volumes.bring(archiveWith('claimName: theirs'));
  assert.deepEqual(memory.takeCalls(), []);
});

test('none is made where no workers may run', async () => {
  const { memory, volumes } = fixture('elsewhere');
  await volumes.bring(OWN);
  assert.deepEqual(memory.takeCalls(), []);
});

test('there is news when the archive or its claim changed, and once', async () => {
  const { memory, volumes } = fixture('contoso');
  assert.deepEqual([volumes.isNews(OWN), volumes.isNews(OWN)], [true, false]);
  await volumes.bring(OWN);
  assert.deepEqual([volumes.isNews(OWN), volumes.isNews(OWN)], [true, false]);
  memory.edit(CLAIM, (claim) => Object.assign(claim, { status: { phase: 'Bound' } }));
  assert.equal(volumes.isNews(OWN), true);
  const edited = { ...OWN, metadata: { ...OWN.metadata, generation: OWN.metadata.generation + 1 } };
  assert.equal(volumes.isNews(edited), true);
});

test('an archive that is gone is forgotten, and its claim stays', async () => {
  const { memory, volumes } = fixture('contoso');
  volumes.isNews(OWN);
  await volumes.bring(OWN);
  volumes.isNews(OWN);
  volumes.keep([OWN]);
  assert.equal(volumes.isNews(OWN), false);
  volumes.keep([]);
  assert.equal(volumes.isNews(OWN), true);
  assert.ok(memory.objects.has(CLAIM));
});
