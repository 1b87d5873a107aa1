import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../process/clock.ts';
import type { Counts } from '../process/contract.ts';
import { type Logger, silentLogger } from '../process/logger.ts';
import { createLimits } from './limits.ts';
import { buildServed } from './served.ts';
import { Session } from './session.ts';
import type { Wire } from './session-services.ts';
import { memoryLog } from './testing/memory-log.ts';
import { addressOf, entry, testBoard, testGroup } from './testing/receiver.ts';
import { defaultTimeouts } from './timeouts.ts';

interface Played {
  replies: string;
  stored: string[];
  counts: Counts | undefined;
  failures: number;
  /** Sessions and bytes that were not given back. */
  held: number;
}

/** A session without a socket: the pieces in, the replies out, and then the peer is gone. */
async function play(pieces: string[]): Promise<Played> {
  const group = testGroup();
  const limits = { ...group.limits, messageBytes: 60, bytesInFlight: 1 };
  const log = memoryLog();
  const board = testBoard(group, systemClock);
  const served = buildServed({ ...group, limits }, [entry('a'), entry('b')], board, undefined, () => undefined);
  const counted = createLimits(() => limits);
  let replies = '';
  let failures = 0;
  const logger: Logger = {
    ...silentLogger,
    error: () => {
      failures += 1;
    },
  };
  const wire: Wire = {
    send: (text) => {
      replies += text;
    },
    end: (text) => {
      replies += text;
    },
    pause: () => undefined,
    resume: () => undefined,
    startTls: () => undefined,
    destroy: () => undefined,
  };
  counted.enter('192.0.2.1');
  const session = new Session(
    {
      clock: systemClock,
      logger,
      log,
      limits: counted,
      timeouts: defaultTimeouts,
      handshakes: { failedNow: () => undefined, failedLately: () => false },
      served: () => served,
      tlsUsable: () => true,
      isSelfTest: () => false,
      unknownRecipient: () => undefined,
      namedRecipient: () => undefined,
      refused: () => undefined,
      acknowledged: () => undefined,
    },
    wire,
    { address: '192.0.2.1', family: 'ipv4' },
    25,
  );
  session.greet();
  session.secured('TLSv1.3', 'TLS_AES_128_GCM_SHA256');
  for (const piece of pieces) session.receive(Buffer.from(piece, 'latin1'));
  // Each message waits for one commit, and the input behind it for that.
  for (let i = 0; i < 30; i += 1) await new Promise(setImmediate);
  session.gone();
  const reserved = counted.reserve(['a', 'b'], 1_000_000);
  return {
    replies,
    stored: log.kept.map(
      ({ bytes, envelope }) => `${envelope.targets.map(({ uid }) => uid)} ${bytes.toString('latin1')}`,
    ),
    counts: board.get('a')?.facts.counts,
    failures,
    held: counted.sessions + (typeof reserved === 'number' ? 0 : 1),
  };
}

const token = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('EHLO x\r\n', 'MAIL FROM:<>\r\n', 'RSET\r\n', 'NOOP\r\n', 'DATA\r\n') },
  { weight: 4, arbitrary: fc.constantFrom(`RCPT TO:<${addressOf('a')}>\r\n`, `RCPT TO:<${addressOf('b')}>\r\n`) },
  { weight: 3, arbitrary: fc.constantFrom('.\r\n', 'text\r\n', '..\r\n', 'x\n', '\r', 'y'.repeat(50), '\r\n.\r\n') },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.integer({ min: 0, max: 70 }), fc.boolean())
      .map(([size, last]) => `BDAT ${size}${last ? ' LAST' : ''}\r\n${'z'.repeat(size)}`),
  },
  { weight: 1, arbitrary: fc.constantFrom('QUIT\r\n', 'STARTTLS\r\n', 'BDAT x\r\n', 'MAIL FROM:<a\r\n', '\0\r\n') },
);
/** A whole transaction now and then, or random tokens would seldom make one. */
const input = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: token },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        `EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<${addressOf('a')}>\r\nDATA\r\n`,
        `EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<${addressOf('a')}>\r\nRCPT TO:<${addressOf('b')}>\r\n`,
      ),
    },
  ),
  { maxLength: 14 },
);

test('how the input is cut changes neither replies nor what is stored; all that began has ended, all that was taken is given back', async () => {
  let storedOnce = 0;
  await fc.assert(
    fc.asyncProperty(
      input,
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }),
      async (tokens, sizes) => {
        const text = tokens.join('');
        const pieces: string[] = [];
        for (let at = 0, i = 0; at < text.length; i += 1) {
          const size = sizes[i % sizes.length] ?? 1;
          pieces.push(text.slice(at, at + size));
          at += size;
        }
        const whole = await play(text === '' ? [] : [text]);
        const cut = await play(pieces);
        // STARTTLS at the end of a piece is no injection; that it is one within a piece has its own test.
        if (!text.includes('STARTTLS')) assert.deepEqual(cut, whole);
        for (const { counts, failures, held } of [whole, cut]) {
          assert.equal(failures, 0);
          assert.equal(held, 0);
          assert.ok(counts);
          assert.equal(counts.begun, counts.stored + counts.deferred + counts.rejected + counts.cut);
        }
        storedOnce += whole.stored.length;
      },
    ),
    { numRuns: 2_000 },
  );
  assert.ok(storedOnce > 20, 'the property saw stored messages');
});
