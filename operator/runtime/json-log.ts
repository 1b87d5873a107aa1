import type { Log } from '../kube/types.ts';
import { type Clock, timestamp } from './clock.ts';

export const LEVELS = ['info', 'warn', 'error'] as const;
export type Level = (typeof LEVELS)[number];

/**
 * One JSON line per event, as the workers write theirs. No secret is ever put here.
 *
 * @param write takes one line with its line feed
 * @param role in every line: which program it is
 * @param least events below it are left out
 */
export function jsonLog(write: (line: string) => void, clock: Clock, role: string, least: Level): Log {
  const emit = (level: Level, event: string, fields: Record<string, unknown> = {}): void => {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(least)) return;
    write(`${JSON.stringify({ time: timestamp(clock), level, event, role, ...fields })}\n`);
  };
  return {
    info: (event, fields) => emit('info', event, fields),
    warn: (event, fields) => emit('warn', event, fields),
    error: (event, fields) => emit('error', event, fields),
  };
}
