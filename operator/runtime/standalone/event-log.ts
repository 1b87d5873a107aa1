import type { Clock } from '../clock.ts';
import { jsonLog } from '../json-log.ts';

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
  return { ...jsonLog(write, clock, 'standalone', 'info'), passThrough: (line) => write(`${line}\n`) };
}
