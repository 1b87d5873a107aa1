import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { byeAt } from '../../test/peers/imap-server/faults/bye.ts';
import { truncatedLiteral } from '../../test/peers/imap-server/faults/truncated-literal.ts';
import { deliver, renumber } from '../../test/peers/imap-server/mailbox.ts';
import { type ImapServer, startImapServer } from '../../test/peers/imap-server/server.ts';
import type { ConnectionFacts, PollerConnection } from '../process/contract.ts';
import { SIGHTING } from './memory.ts';
import { type PollerRig, startPollerRig } from './rig.ts';

/** A server, and pollers that follow one another on one archive, as restarts of a worker do. */
async function onOneArchive(
  work: (scene: {
    server: ImapServer;
    archive: string;
    /** Runs a poller until its facts are so, by default until nothing waits, then ends it. */
    polled: (entry?: Partial<PollerConnection>, holds?: (facts: ConnectionFacts) => boolean) => Promise<PollerRig>;
  }) => Promise<void>,
): Promise<void> {
  const archive = await mkdtemp(join(tmpdir(), 'mailhold-rescan-'));
  try {
    await using server = await startImapServer();
    const polled = async (
      entry: Partial<PollerConnection> = {},
      holds = ({ source }: ConnectionFacts): boolean => source?.waiting === 0,
    ): Promise<PollerRig> => {
      const rig = await startPollerRig({ archive });
      try {
        await rig.serve({ port: server.port, caBundle: server.certificate, ...entry });
        await rig.until('u1', holds);
      } finally {
        await rig.stop();
      }
      return rig;
    };
    await work({ server, archive, polled });
  } finally {
    await rm(archive, { recursive: true });
  }
}

const bodies = async (rig: PollerRig): Promise<string[]> =>
  (await rig.archived()).map(({ bytes }) => bytes.toString()).sort();
const sightings = async (rig: PollerRig): Promise<number> =>
  (await rig.items()).filter((item) => item.kind === 'event' && item.metadata.type === SIGHTING).length;
const fetched = (server: ImapServer): number => server.transcript.filter((line) => line.startsWith('UID FETCH')).length;

test('a restarted poller asks for nothing that is archived', () =>
  onOneArchive(async ({ server, polled }) => {
    deliver(server.inbox, 'one', 'two');
    await polled();
    const before = fetched(server);
    const rig = await polled();
    assert.equal(fetched(server), before);
    assert.deepEqual(await bodies(rig), ['one', 'two']);
  }));

test('a cursor that is lost is rebuilt from the log', () =>
  onOneArchive(async ({ server, archive, polled }) => {
    deliver(server.inbox, 'one', 'two');
    await polled();
    await rm(join(archive, 'cursors'), { recursive: true });
    deliver(server.inbox, 'three');
    const rig = await polled();
    assert.deepEqual(await bodies(rig), ['one', 'three', 'two']);
    assert.equal(server.transcript.filter((line) => line.startsWith('UID FETCH 3 ')).length, 1);
  }));

test('a cursor that was left unsettled, as by kill -9, is rebuilt from the log', () =>
  onOneArchive(async ({ server, archive, polled }) => {
    deliver(server.inbox, 'one');
    await polled();
    const path = join(archive, 'cursors', 'u1.json');
    const early = await readFile(path, 'utf8');
    deliver(server.inbox, 'two');
    await polled();
    await writeFile(path, early.replace('"settled":true', '"settled":false'));
    const rig = await polled();
    assert.deepEqual(await bodies(rig), ['one', 'two']);
  }));

test('after a restore of the archive from a snapshot, what the snapshot lacks is pulled again', () =>
  onOneArchive(async ({ server, archive, polled }) => {
    deliver(server.inbox, 'one');
    await polled();
    const snapshot = `${archive}.snapshot`;
    try {
      await cp(archive, snapshot, { recursive: true });
      deliver(server.inbox, 'two');
      await polled();
      const cursor = await readFile(join(archive, 'cursors', 'u1.json'));
      await rm(archive, { recursive: true });
      await cp(snapshot, archive, { recursive: true });
      await writeFile(join(archive, 'cursors', 'u1.json'), cursor);
      const rig = await polled();
      assert.deepEqual(await bodies(rig), ['one', 'two']);
    } finally {
      await rm(snapshot, { recursive: true });
    }
  }));

test('with a new UIDVALIDITY, known bytes become sightings and new ones are stored, also over a restart', () =>
  onOneArchive(async ({ server, polled }) => {
    deliver(server.inbox, 'one', 'two');
    await polled();
    renumber(server.inbox, 2, 500);
    deliver(server.inbox, 'three');
    let rig = await polled();
    assert.deepEqual(await bodies(rig), ['one', 'three', 'two']);
    assert.equal(await sightings(rig), 2);
    const before = fetched(server);
    rig = await polled();
    assert.equal(fetched(server), before, 'the sightings count as archived');
    assert.equal(await sightings(rig), 2);
  }));

test('a changed UIDVALIDITY is noticed by a poller that runs', async () => {
  await using server = await startImapServer();
  await using rig = await startPollerRig();
  deliver(server.inbox, 'one', 'two');
  await rig.serve({ port: server.port, caBundle: server.certificate, pollIntervalMs: 30 });
  await rig.until('u1', ({ counts }) => counts.stored === 2);
  deliver(server.inbox, 'three');
  renumber(server.inbox, 9);
  await rig.until('u1', ({ source, counts }) => source?.uidValidity === '9' && counts.stored === 3);
  assert.deepEqual(await bodies(rig), ['one', 'three', 'two']);
});

test('in a new epoch nothing is deleted before its rescan is done, and then everything that is kept', async () => {
  await using server = await startImapServer();
  await using rig = await startPollerRig();
  deliver(server.inbox, 'one', 'two');
  const entry = { port: server.port, caBundle: server.certificate, pollIntervalMs: 30 };
  await rig.serve(entry);
  await rig.until('u1', ({ source }) => source?.waiting === 0);
  renumber(server.inbox, 2);
  deliver(server.inbox, 'three', 'z'.repeat(100));
  // The rescan cannot be finished while one message does not come.
  server.setFault(truncatedLiteral(4, 50, 'close'));
  await rig.serve({ ...entry, afterArchive: 'Delete' });
  await rig.until('u1', ({ source, attempt }) => source?.waiting === 1 && attempt?.fault !== undefined);
  assert.equal(server.inbox.messages.length, 4);
  assert.ok(!server.transcript.some((line) => line.startsWith('UID STORE')));
  server.setFault({});
  await rig.until('u1', ({ counts }) => counts.deleted === 4);
  assert.deepEqual(server.inbox.messages, []);
  assert.equal((await rig.archived()).length, 4);
});

test('what was archived and not yet deleted, by an earlier process or while Keep was asked for, is deleted later', () =>
  onOneArchive(async ({ server, polled }) => {
    deliver(server.inbox, 'one', 'two');
    await polled();
    server.setFault(byeAt('UID STORE', 'not now'));
    deliver(server.inbox, 'three');
    const failed = ({ attempt, source }: ConnectionFacts): boolean =>
      source?.waiting === 0 && attempt?.fault !== undefined;
    await polled({ afterArchive: 'Delete', maxSessions: 1 }, failed);
    assert.equal(server.inbox.messages.length, 3);
    server.setFault({});
    await polled({ afterArchive: 'Delete' }, ({ counts }) => counts.deleted === 3);
    assert.deepEqual(server.inbox.messages, []);
  }));
