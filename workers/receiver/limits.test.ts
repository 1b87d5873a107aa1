import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createLimits } from './limits.ts';
import { Deadlines, type Timeouts } from './timeouts.ts';

const limits = {
  sessions: 3,
  sessionsPerPeer: 2,
  sessionsPerConnection: 2,
  bytesInFlight: 1_000_000,
  messageBytes: 10_000_000,
  recipientsPerTransaction: 10,
};
const code = (answer: unknown): string =>
  typeof answer === 'object' && answer !== null && 'text' in answer ? String(answer.text).slice(0, 9) : String(answer);

test('sessions are limited for the process, and for a peer until it names a recipient', () => {
  const counted = createLimits(() => limits);
  assert.equal(counted.enter('a'), undefined);
  assert.equal(counted.enter('a'), undefined);
  assert.equal(code(counted.enter('a')), '421 4.7.0');
  counted.leavePeer('a');
  assert.equal(counted.enter('a'), undefined);
  assert.equal(code(counted.enter('b')), '421 4.3.2');
  counted.leave();
  assert.equal(counted.enter('b'), undefined);
});

test('sessions of a connection are limited alone', () => {
  const counted = createLimits(() => limits);
  assert.equal(counted.join('x'), undefined);
  assert.equal(counted.join('x'), undefined);
  assert.equal(code(counted.join('x')), '452 4.3.1');
  assert.equal(counted.join('y'), undefined);
  counted.part('x');
  assert.equal(counted.join('x'), undefined);
});

test('bytes are reserved as declared, at most one MiB, half of all for one connection, and one message always passes', () => {
  const counted = createLimits(() => limits);
  assert.equal(counted.reserve(['x'], 900_000), 900_000);
  assert.equal(code(counted.reserve(['x'], 50_000)), '452 4.3.1');
  assert.equal(counted.reserve(['y'], 50_000), 50_000);
  assert.equal(code(counted.reserve(['z'], 100_000)), '452 4.3.1');
  counted.release(['x'], 900_000);
  counted.release(['y'], 50_000);
  assert.equal(counted.reserve(['x'], 100_000_000), 1_048_576);
  counted.release(['x'], 1_048_576);
  assert.equal(counted.reserve(['x'], 0), 65_536);
});

test('whatever is taken is given back, and nothing is left over', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom('x', 'y'), fc.integer({ min: 0, max: 2_000_000 }))), (requests) => {
      const counted = createLimits(() => limits);
      const held: [string, number][] = [];
      for (const [uid, bytes] of requests) {
        const reserved = counted.reserve([uid], bytes);
        if (typeof reserved === 'number') held.push([uid, reserved]);
      }
      const sum = held.reduce((total, [, bytes]) => total + bytes, 0);
      assert.ok(held.length <= 1 || sum <= limits.bytesInFlight);
      for (const [uid, bytes] of held) counted.release([uid], bytes);
      assert.equal(typeof counted.reserve(['x'], 2_000_000), 'number');
    }),
  );
});

const timeouts: Timeouts = {
  command: 300,
  dataIdle: 180,
  message: 1_800,
  handshake: 30,
  farewell: 5,
  rateWindow: 60,
  rateBytes: 1_000,
};

test('each step has its own time', () => {
  for (const [step, ms] of [
    ['command', 300],
    ['handshake', 30],
    ['farewell', 5],
  ] as const) {
    const deadlines = new Deadlines(timeouts);
    deadlines.expect(1_000, step);
    assert.equal(deadlines.check(1_000 + ms - 1), undefined, step);
    assert.equal(deadlines.check(1_000 + ms), 'idle', step);
  }
});

test('a body that stops is idle, one that trickles is slow, one that flows is let be up to its whole time', () => {
  const idle = new Deadlines({ ...timeouts, rateWindow: 10_000 });
  idle.bodyOpens(0);
  idle.received(100, 1);
  assert.equal(idle.check(279), undefined);
  assert.equal(idle.check(280), 'idle');

  const trickling = new Deadlines(timeouts);
  trickling.bodyOpens(0);
  for (let now = 1; now < 60; now += 1) trickling.received(now, 1);
  assert.equal(trickling.check(59), undefined);
  assert.equal(trickling.check(60), 'slow');

  const flowing = new Deadlines(timeouts);
  flowing.messageBegins(0);
  flowing.bodyOpens(0);
  for (let now = 10; now < 1_800; now += 10) {
    flowing.received(now, 1_000);
    assert.equal(flowing.check(now), undefined);
  }
  assert.equal(flowing.check(1_800), 'slow');
});

test('while we owe something the peer has all the time, and then its whole window again', () => {
  const deadlines = new Deadlines(timeouts);
  deadlines.messageBegins(0);
  deadlines.bodyOpens(0);
  deadlines.suspend();
  assert.equal(deadlines.check(100_000), undefined);
  deadlines.messageBegins(100_000);
  deadlines.bodyOpens(100_000);
  assert.equal(deadlines.check(100_059), undefined);
});
