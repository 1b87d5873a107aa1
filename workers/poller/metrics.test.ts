import assert from 'node:assert/strict';
import { test } from 'node:test';
import { truncatedLiteral } from '../../test/peers/imap-server/faults/truncated-literal.ts';
import { deliver } from '../../test/peers/imap-server/mailbox.ts';
import { startImapServer } from '../../test/peers/imap-server/server.ts';
import { startPollerRig } from './rig.ts';

test('what waits, since when, what was kept last, and how polls and stages went are told', async () => {
  await using server = await startImapServer({ fault: truncatedLiteral(2, 1, 'close') });
  await using rig = await startPollerRig();
  const before = Date.now() / 1000;
  deliver(server.inbox, 'one');
  deliver(server.inbox, 'two, which cannot be had');
  await rig.serve({ port: server.port, caBundle: server.certificate });
  await rig.until('u1', ({ counts, source, failingSince }) =>
    [counts.stored === 1, source?.waiting === 1, failingSince !== undefined].every(Boolean),
  );
  const text = await rig.registry.metrics();
  const value = (name: string): number => Number(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'm').exec(text)?.[1]);
  assert.equal(value('mailhold_poller_backlog_messages'), 1);
  const waited = value('mailhold_poller_backlog_oldest_seconds');
  assert.ok(waited > 0 && waited < Date.now() / 1000 - before + 1, `${waited} s`);
  const stored = value('mailhold_poller_last_stored_timestamp_seconds');
  assert.ok(stored >= before - 0.001 && stored <= Date.now() / 1000, `${stored}`);
  assert.equal(value('mailhold_poller_stored_bytes_total'), 3);
  assert.match(text, /^mailhold_poller_poll_seconds_count\{result="failed"\} [1-9]/m);
  assert.match(text, /^mailhold_poller_stages_total\{stage="select",result="passed"\} [1-9]/m);
});
