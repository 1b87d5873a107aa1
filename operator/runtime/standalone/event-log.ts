import type { Clock } from '../clock.ts';
import { timestamp } from '../clock.ts';

export type EventFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** One JSON line per event, as the workers write theirs, so that both can share one stream. No secret is ever put here. */
export interface EventLog {
  info(event: string, fields?: EventFields): void;
  warn(event: string, fields?: EventFields): void;
  error(event: string, fields?: EventFields): void;
  /** A worker's own line, passed through as it is. */
  passThrough(line: string): void;
}

/** @param write takes one line with its line feed */
export function createEventLog(write: (line: string) => void, clock: Clock): EventLog {
  const emit = (level: string, event: string, fields: EventFields = {}): void => {
    write(`${JSON.stringify({ time: timestamp(clock), level, event, role: 'standalone', ...fields })}\n`);
  };
  return {
    info: (event, fields) => emit('info', event, fields),
    warn: (event, fields) => emit('warn', event, fields),
    error: (event, fields) => emit('error', event, fields),
    passThrough: (line) => write(`${line}\n`),
  };
}
