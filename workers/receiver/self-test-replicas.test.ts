import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Attempt } from '../process/contract.ts';
import { createSelfTests, defaultSelfTestTimes } from './self-tests.ts';
import { certificate, certificateOfAnotherName } from './testing/certificate.ts';
import { entry, eventually, startReceiver, testGroup } from './testing/receiver.ts';

const { key } = testGroup().selfTest;
const QUICK = { selfTests: { firstRetryMs: 5, tickMs: 2 } };

/** Where the Service leads: to one receiver of the group, whoever dials. */
const dialling = (port: number) => ({ selfTest: { key, dial: { address: '127.0.0.1', port } } });

test('a test that reaches another receiver of the group passes, and leaves no trace there', async () => {
  const entries = [entry('a', { state: 'Disabled', senderRanges: ['192.0.2.0/24'] })];
  await using other = await startReceiver(entries, { group: { hiddenPeerRanges: ['127.0.0.0/8'] } });
  await using running = await startReceiver(entries, { group: dialling(other.port) });
  const attempt = running.board.get('a')?.facts.attempt;
  assert.equal(attempt?.fault, undefined);
  assert.match(attempt?.stages[1]?.text ?? '', new RegExp(`:${other.port}$`), 'it went to the other one');
  await eventually(() => other.receiver.sessions === 0, 'the session is closed');
  assert.partialDeepStrictEqual(other.board.get('a')?.facts, { refusals: [], counts: { begun: 0 } });
  assert.equal(other.board.group.hiddenPeers, undefined);
});

test('a connection that the other does not have yet is tested again soon, and passes once it has it', async () => {
  await using other = await startReceiver([]);
  await using running = await startReceiver([entry('a')], { group: dialling(other.port), options: QUICK });
  const attempt = () => running.board.get('a')?.facts.attempt;
  assert.partialDeepStrictEqual(attempt()?.fault, { code: 'AddressNotServed', retry: 'later' });
  await other.serve([entry('a')]);
  await eventually(() => attempt()?.fault === undefined, 'it passes');
});

test('a certificate that the other does not have yet is no fault that a person must mend', async () => {
  const issued = { ...certificateOfAnotherName, issuedByUs: true };
  await using other = await startReceiver([entry('a')], { group: { certificate: issued } });
  await using running = await startReceiver([entry('a')], { group: dialling(other.port), options: QUICK });
  const attempt = () => running.board.get('a')?.facts.attempt;
  assert.partialDeepStrictEqual(attempt()?.fault, { code: 'TLSVerificationFailed', retry: 'later' });
  assert.match(attempt()?.fault?.message ?? '', /as a receiver does that does not have the new one yet/);
  await other.serve([entry('a')], { certificate });
  await eventually(() => attempt()?.fault === undefined, 'it passes');
});

test('a failing test is repeated after 1, 2, 4 s and so on up to a minute; one for a person after a minute', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let now = 0;
  const ending = new AbortController();
  t.after(() => ending.abort());
  let retry: 'later' | 'never' = 'later';
  let tested = 0;
  const tests = createSelfTests({
    clock: { now: () => now, monotonic: () => now },
    times: defaultSelfTestTimes,
    run: async (_uid, trigger): Promise<Attempt> => ({
      kind: 'test',
      trigger,
      revision: 'r',
      startedAt: '',
      endedAt: '',
      stages: [],
      fault: { code: 'AddressNotServed', retry, message: '' },
    }),
    onAttempt: () => {
      tested += 1;
    },
    signal: ending.signal,
  });
  const pass = async (ms: number): Promise<void> => {
    now += ms;
    t.mock.timers.tick(defaultSelfTestTimes.tickMs);
    await new Promise(setImmediate);
  };
  const waits = async (): Promise<number> => {
    const before = tested;
    for (let seconds = 1; ; seconds += 1) {
      await pass(1_000);
      if (tested > before) return seconds;
    }
  };
  tests.changed(['a']);
  await pass(0);
  assert.equal(tested, 1, 'at once');
  const waited: number[] = [];
  while (waited.length < 8) waited.push(await waits());
  assert.deepEqual(waited, [1, 2, 4, 8, 16, 32, 60, 60]);
  retry = 'never';
  tests.changed(['a']);
  await pass(0);
  assert.equal(await waits(), 60);
});
