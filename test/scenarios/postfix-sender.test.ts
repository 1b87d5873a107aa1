import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readArchive, readMessage } from '../../workers/archive/reader.ts';
import { openFileStore } from '../../workers/archive/store-file.ts';
import type { ConnectionFacts } from '../../workers/process/contract.ts';
import { Client } from '../../workers/receiver/testing/client.ts';
import { startReceiverPeer } from '../bench/receiver-peer.ts';
import { postfixMissing, startPostfix } from '../peers/postfix.ts';

const REPORTS = 20;
const WITHIN_MS = 30_000;

/** An Exchange-style journal report: the envelope as text, the original message whole. */
function journalReport(number: number): string {
  return [
    'From: "Microsoft Exchange" <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@contoso.com>',
    'To: journal@contoso.com',
    'Date: Thu, 1 Jan 2026 09:00:00 +0000',
    'Subject: Journal',
    `Message-ID: <report-${number}@contoso.com>`,
    'X-MS-Journal-Report:',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="part"',
    '',
    '--part',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    'Sender: ann@contoso.com',
    `Subject: Offer ${number}`,
    `Message-Id: <offer-${number}@contoso.com>`,
    'To: bob@example.net',
    '',
    '--part',
    'Content-Type: message/rfc822',
    '',
    'From: ann@contoso.com',
    'To: bob@example.net',
    `Subject: Offer ${number}`,
    `Message-ID: <offer-${number}@contoso.com>`,
    '',
    // Dots and 8-bit bytes come through as they are; past 998 characters Postfix would break the line.
    '.',
    '..two dots',
    `8 bit: \xe4\xf6\xfc ${'x'.repeat(number * 40)}`,
    '--part--',
    '',
  ].join('\r\n');
}

test('a real Postfix delivers journal reports, and tries again what was deferred until it is kept', {
  skip: postfixMissing ?? false,
}, async () => {
  await using receiver = await startReceiverPeer({ messageBytes: 1 << 20 });
  const { worker, entry, peer } = receiver;
  await using postfix = await startPostfix({
    purpose: {
      kind: 'relay',
      host: '127.0.0.1',
      port: peer.port,
      verify: { hostName: peer.serverName, certificate: peer.certificate },
    },
  });
  const untilFacts = async (holds: (facts: ConnectionFacts) => boolean): Promise<void> => {
    await worker.until(({ connections }) => connections.some(holds), WITHIN_MS);
  };
  const client = await Client.connect(postfix.port);
  await client.reply();
  await client.command('EHLO exchange.contoso.com');
  const submit = async (number: number): Promise<void> => {
    assert.equal((await client.command('MAIL FROM:<> BODY=8BITMIME')).code, 250);
    assert.equal((await client.command(`RCPT TO:<${peer.recipient}>`)).code, 250);
    assert.equal((await client.command('DATA')).code, 354);
    client.send(`${journalReport(number).replaceAll('\r\n.', '\r\n..')}.\r\n`);
    assert.equal((await client.reply()).code, 250);
  };

  for (let number = 1; number < REPORTS; number += 1) await submit(number);
  await untilFacts(({ counts }) => counts.stored === REPORTS - 1);

  await worker.serve([{ ...entry, state: 'Disabled', revision: 'disabled' }]);
  await untilFacts(({ revision }) => revision === 'disabled');
  await submit(REPORTS);
  await untilFacts(({ refusals }) => refusals.some(({ reply }) => reply.startsWith('450 4.2.1')));
  await worker.serve([{ ...entry, revision: 'enabled' }]);
  await untilFacts(({ counts }) => counts.stored === REPORTS);
  client.destroy();

  const said = await postfix.log();
  assert.match(said, /Verified TLS connection established/);
  assert.match(said, /status=deferred \(host .* said: 450 4\.2\.1/);
  await worker.stop();

  const store = await openFileStore(worker.archive);
  const kept: string[] = [];
  for await (const item of readArchive(store)) {
    assert.ok(item.kind !== 'finding', JSON.stringify(item));
    if (item.kind !== 'message' || item.metadata.retention === 'canary') continue;
    const { capture } = item.metadata;
    assert.ok(capture.kind === 'smtp');
    assert.equal(capture.mailFrom, '', 'the null reverse-path of journal reports');
    assert.deepEqual(capture.rcptTo, [peer.recipient]);
    assert.match(capture.tls?.version ?? '', /^TLSv1\.[23]$/);
    kept.push(Buffer.concat(await Array.fromAsync(readMessage(store, item))).toString('latin1'));
  }
  assert.equal(kept.length, REPORTS);
  for (let number = 1; number <= REPORTS; number += 1) {
    // Postfix puts its trace header before the message, and changes nothing behind it.
    const found = kept.filter((text) => text.endsWith(`\n${journalReport(number)}`));
    assert.equal(found.length, 1, `report ${number} is kept once, byte for byte`);
    assert.match(found[0] ?? '', /^Received: /);
  }
});
