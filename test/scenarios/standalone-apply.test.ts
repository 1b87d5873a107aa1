import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '../../workers/receiver/testing/client.ts';
import { connectionManifest, light, runningJournal, SMTP } from './running-standalone.ts';

const CHANGES = 7;

test('a changed manifest is served to senders, on a session that was open before', async (t) => {
  const mailhold = await runningJournal(t);
  const address = mailhold.status().connections[0]?.status?.address ?? '';
  const times: number[] = [];
  for (let change = 0; change < CHANGES; change += 1) {
    const client = await Client.secure(mailhold.port);
    // The default of the manifest: what Exchange Online sends at most, and a tenth more.
    assert.ok((await client.command('EHLO x')).lines.some((line) => line.endsWith('SIZE 173015040')));
    await client.command('MAIL FROM:<>');
    assert.equal((await client.command(`RCPT TO:<${address}>`)).code, 250);
    const begun = performance.now();
    await mailhold.put('journal.yaml', connectionManifest('journal', { ...SMTP, state: 'Disabled' }));
    while ((await client.command(`RCPT TO:<${address}>`)).code === 250) {
      assert.ok(performance.now() - begun < 20_000, 'Disabled is not served');
      await client.command('RSET');
      await client.command('MAIL FROM:<>');
      await sleep(2);
    }
    times.push(performance.now() - begun);
    client.destroy();
    await mailhold.put('journal.yaml', connectionManifest('journal', SMTP));
    await mailhold.until('green', (status) => light(status, 'journal') === 'True Succeeded');
  }
  const sorted = times.toSorted((a, b) => a - b).map((ms) => Math.round(ms));
  t.diagnostic(`changed manifest to served, in ms: median ${sorted[CHANGES >> 1]}, all ${sorted.join(' ')}`);
});
