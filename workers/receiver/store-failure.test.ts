import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Store } from '../archive/store.ts';
import { aroundCommits, testArchive } from '../archive/test-archive.ts';
import { Client } from './testing/client.ts';
import { addressOf, entry, eventually, startReceiver } from './testing/receiver.ts';

const SMALL = 'x'.repeat(1_000);
/** Over the file store's threshold, so it has a segment of its own. */
const LARGE = 'x'.repeat(1_200_000);

// A disk cannot be made to fail one sync and not the next, so a store around the real one does.
for (const [what, body] of [
  ['a small message', SMALL],
  ['a large message', LARGE],
] as const) {
  test(`${what} whose sync fails with EIO is answered 451, counted, and not kept; then mail is taken again`, async () => {
    await using archive = await testArchive();
    let failing = false;
    const fail = (): void => {
      if (failing) throw Object.assign(new Error('i/o error'), { code: 'EIO' });
    };
    const store: Store = {
      ...aroundCommits(archive.store, async (commit) => {
        await commit();
        fail();
      }),
      createLarge: async (writer) => {
        const large = await archive.store.createLarge(writer);
        return {
          ...large,
          finish: async (head, record) => {
            fail();
            await large.finish(head, record);
          },
        };
      },
    };
    const log = await archive.open({ store });
    await using running = await startReceiver([entry('a')], { log });
    const client = await Client.secure(running.port);
    const send = (subject: string): Promise<string> =>
      client.transaction([addressOf('a')], `Subject: ${subject}\r\n\r\n${body}\r\n.\r\n`);
    assert.match(await send('before'), /^250 2\.0\.0 /);
    failing = true;
    const refusal = await send('lost');
    assert.match(refusal, /^451 4\.3\.0 /);
    assert.equal(running.board.group.fault?.code, 'ArchiveNotWritable');
    assert.match(running.board.group.fault?.message ?? '', /disk that reports errors.*EIO/);
    assert.match(await send('at once'), /^451 4\.3\.0 /, 'refused before its bytes are asked for');
    failing = false;
    await client.command('RSET');
    await eventually(() => running.board.group.fault === undefined, 'the fault is over');
    assert.match(await send('after'), /^250 2\.0\.0 /);
    client.destroy();
    assert.partialDeepStrictEqual(running.board.get('a')?.facts.counts, { stored: 2, deferred: 1 });
    const told = running.board.get('a')?.facts.refusals.map(({ reply, count }) => [reply.slice(0, 9), count]);
    assert.deepEqual(told, [['451 4.3.0', 2]]);

    await log.close();
    const { messages, findings } = await archive.read();
    assert.deepEqual(
      findings.filter(({ bad }) => bad),
      [],
    );
    const kept = await Promise.all(
      messages.map(async (record) => (await archive.bytesOf(record)).toString().slice(9, 15)),
    );
    assert.deepEqual(kept, ['before', 'after\r']);
  });
}
