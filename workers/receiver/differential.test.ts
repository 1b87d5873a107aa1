import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import fc from 'fast-check';
import { SMTPServer } from 'smtp-server';
import { Client } from './testing/client.ts';
import { addressOf, entry, startReceiver } from './testing/receiver.ts';

/** What a sender does, well-formed, in whatever order. */
type Step = { say: string } | { message: string };

const line = fc.constantFrom('', '.', '..', '.x', 'a', 'Subject: x', '...', 'x.', 'QUIT', '\t.', 'y'.repeat(200));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<Step>({ say: 'MAIL FROM:<a@b.org>' }, { say: 'MAIL FROM:<> SIZE=100' }) },
  { weight: 4, arbitrary: fc.constant<Step>({ say: `RCPT TO:<${addressOf('a')}>` }) },
  { weight: 1, arbitrary: fc.constant<Step>({ say: 'RCPT TO:<nobody@in.archive.example.com>' }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ say: 'RSET' }, { say: 'NOOP' }, { say: 'EHLO again.example' }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ say: 'MAIL FROM:<a' }, { say: 'RCPT TO:' }, { say: 'VRFY a' }) },
  {
    weight: 3,
    arbitrary: fc
      .array(line, { maxLength: 20 })
      .map((lines) => ({ message: lines.map((one) => `${one}\r\n`).join('') })),
  },
);

/** The first digits of a session's replies, which decide what a sender does; the message sent only where 354 came. */
async function play(client: Client, steps: Step[]): Promise<number[]> {
  const codes: number[] = [];
  for (const one of steps) {
    if ('say' in one) {
      codes.push(Math.floor((await client.command(one.say)).code / 100));
      continue;
    }
    const go = await client.command('DATA');
    codes.push(Math.floor(go.code / 100));
    if (go.code !== 354) continue;
    client.send(`${`\r\n${one.message}`.replaceAll('\r\n.', '\r\n..').slice(2)}.\r\n`);
    codes.push(Math.floor((await client.reply()).code / 100));
  }
  client.destroy();
  return codes;
}

test('well-formed sessions are answered, and messages stored, as the npm package smtp-server does it', async () => {
  const theirs: string[] = [];
  const oracle = new SMTPServer({
    authOptional: true,
    hideSTARTTLS: true,
    onRcptTo: ({ address }, _session, callback) => {
      callback(address.startsWith('nobody') ? Object.assign(new Error('no'), { responseCode: 550 }) : null);
    },
    onData: (stream, _session, callback) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        theirs.push(Buffer.concat(chunks).toString('latin1'));
        callback();
      });
    },
  });
  oracle.listen(0, '127.0.0.1');
  await once(oracle.server, 'listening');
  const at = oracle.server.address();
  const oraclePort = typeof at === 'object' && at !== null ? at.port : 0;
  await using running = await startReceiver([entry('a')]);
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 15 }), async (steps) => {
        theirs.length = 0;
        running.log.kept.length = 0;
        const ours = await Client.secure(running.port);
        const their = await Client.connect(oraclePort);
        await their.reply();
        await their.command('EHLO client.example');
        const [ourCodes, theirCodes] = await Promise.all([play(ours, steps), play(their, steps)]);
        assert.deepEqual(ourCodes, theirCodes);
        assert.deepEqual(
          running.log.kept.map(({ bytes }) => bytes.toString('latin1')),
          theirs,
        );
      }),
      { numRuns: 60 },
    );
  } finally {
    await new Promise<void>((resolve) => oracle.close(() => resolve()));
  }
});
