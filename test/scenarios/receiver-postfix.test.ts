import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificate } from '../../workers/receiver/testing/certificate.ts';
import { Client } from '../../workers/receiver/testing/client.ts';
import { addressOf, entry, eventually, HOST, startReceiver } from '../../workers/receiver/testing/receiver.ts';
import { postfixMissing, startPostfix } from '../peers/postfix.ts';

test('a Postfix that is deferred by a disabled connection delivers once it is enabled', {
  skip: postfixMissing ?? false,
}, async () => {
  await using running = await startReceiver([entry('a', { state: 'Disabled', revision: 'a-1' })]);
  await using postfix = await startPostfix({
    purpose: {
      kind: 'relay',
      host: '127.0.0.1',
      port: running.port,
      verify: { hostName: HOST, certificate: certificate.certificate },
    },
  });
  const client = await Client.connect(postfix.port);
  await client.reply();
  await client.command('EHLO mail.contoso.com');
  const body = 'Subject: relayed\r\n\r\n..dot\r\n8-bit: \xe9\r\n.\r\n';
  assert.match(await client.transaction([addressOf('a')], Buffer.from(body, 'latin1')), /^250 /);
  client.destroy();
  const facts = () => running.board.get('a')?.facts;
  await eventually(() => (facts()?.refusals.length ?? 0) > 0, 'the refusal is counted', 15_000);
  assert.match(facts()?.refusals[0]?.reply ?? '', /^450 4\.2\.1 /);
  await running.serve([entry('a', { revision: 'a-2' })]);
  postfix.flush();
  await eventually(() => running.log.kept.length === 1, 'the message is stored', 15_000);
  const [kept] = running.log.kept;
  assert.ok(kept?.bytes.toString('latin1').endsWith('\r\n\r\n.dot\r\n8-bit: \xe9\r\n'));
  assert.partialDeepStrictEqual(kept?.envelope.capture, { helo: 'postfix.test', mailFrom: 'sender@example.org' });
});
