import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../process/clock.ts';

const VALID_MS = 2 * 60_000;
const SUFFIX = '.self-test.invalid';

/**
 * The EHLO name that marks a session as a self-test: the time in base 36 and an HMAC-SHA-256 over it and the host name
 * with a key that only the group's receivers hold. Worth something only behind STARTTLS, and only for two minutes.
 *
 * @param key base64
 */
export function selfTestName(key: string, hostName: string, clock: Clock): string {
  return nameFor(key, hostName, clock.now().toString(36));
}

/** @param helo what the peer said in EHLO */
export function isSelfTest(helo: string, key: string, hostName: string, clock: Clock): boolean {
  if (!helo.endsWith(SUFFIX)) return false;
  const stamp = helo.slice(0, helo.indexOf('-'));
  // Replicas' clocks may differ a little in either direction.
  if (!(Math.abs(clock.now() - Number.parseInt(stamp, 36)) <= VALID_MS)) return false;
  const wanted = Buffer.from(nameFor(key, hostName, stamp));
  const given = Buffer.from(helo);
  return wanted.length === given.length && timingSafeEqual(wanted, given);
}

function nameFor(key: string, hostName: string, stamp: string): string {
  const mac = createHmac('sha256', Buffer.from(key, 'base64')).update(`mailhold-self-test-v1\0${hostName}\0${stamp}`);
  return `${stamp}-${mac.digest('hex').slice(0, 48)}${SUFFIX}`;
}
