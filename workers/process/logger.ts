import { timestamp } from './clock.ts';

/** A value that a log line may hold. No content of mail and no secret is ever put here. */
export type LogValue = string | number | boolean | null | undefined | readonly string[];

export type LogFields = Readonly<Record<string, LogValue>>;

/** `event` is a stable word in kebab-case (`message-stored`), `fields` what belongs to it. */
export interface Logger {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** A logger that adds these fields to every line. */
  with(fields: LogFields): Logger;
}

/**
 * Writes one JSON line per event to `write` (standard output in a worker).
 *
 * @param now wall clock in ms
 */
export function jsonLogger(write: (line: string) => void, now: () => number, bound: LogFields = {}): Logger {
  const emit = (level: string, event: string, fields: LogFields = {}): void => {
    write(`${JSON.stringify({ time: timestamp({ now }), level, event, ...bound, ...fields })}\n`);
  };
  return {
    info: (event, fields) => emit('info', event, fields),
    warn: (event, fields) => emit('warn', event, fields),
    error: (event, fields) => emit('error', event, fields),
    with: (fields) => jsonLogger(write, now, { ...bound, ...fields }),
  };
}

export const silentLogger: Logger = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silentLogger,
};
