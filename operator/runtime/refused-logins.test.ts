import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Attempt, ConnectionFacts, FaultCode } from '../../workers/process/contract.ts';
import { createRefusedLogins } from './refused-logins.ts';

const COUNTS = { begun: 0, stored: 0, storedBytes: 0, deferred: 0, rejected: 0, cut: 0, deleted: 0 };

/** Facts of one connection whose last attempt ended so. */
function told(code?: FaultCode, endedAt = '2026-11-25T14:30:00.000Z'): ReadonlyMap<string, ConnectionFacts> {
  const attempt: Attempt = {
    kind: 'poll',
    trigger: 'schedule',
    revision: 'r',
    startedAt: endedAt,
    endedAt,
    stages: [],
    ...(code !== undefined && { fault: { code, retry: 'never', message: 'It failed.' } }),
  };
  const facts = { namespace: 'contoso', name: 'm', uid: 'u', revision: 'r', counts: COUNTS, refusals: [], attempt };
  return new Map([['u', facts]]);
}

const LATER = '2026-11-25T14:31:00.000Z';
const steps: { name: string; before: ReturnType<typeof told>[]; now: ReturnType<typeof told>; fresh: string[] }[] = [
  { name: 'a refused login', before: [], now: told('AuthenticationFailed'), fresh: ['u'] },
  { name: 'one that passed', before: [], now: told(), fresh: [] },
  { name: 'another fault', before: [], now: told('ConnectionRefused'), fresh: [] },
  { name: 'the same one again', before: [told('AuthenticationFailed')], now: told('AuthenticationFailed'), fresh: [] },
  {
    name: 'the next one that is refused',
    before: [told('AuthenticationFailed')],
    now: told('AuthenticationFailed', LATER),
    fresh: ['u'],
  },
  {
    name: 'one that is refused as before after one that passed',
    before: [told('AuthenticationFailed'), told()],
    now: told('AuthenticationFailed'),
    fresh: ['u'],
  },
  {
    name: 'a connection that was gone meanwhile',
    before: [told('AuthenticationFailed'), new Map()],
    now: told('AuthenticationFailed'),
    fresh: ['u'],
  },
];

for (const { name, before, now, fresh } of steps) {
  test(`the password is ${fresh.length > 0 ? '' : 'not '}read again after ${name}`, () => {
    const logins = createRefusedLogins();
    for (const facts of before) logins.since(facts);
    assert.deepEqual(logins.since(now), fresh);
  });
}
