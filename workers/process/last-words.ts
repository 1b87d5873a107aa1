import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { FaultError, printable } from './fault-error.ts';
import type { Logger } from './logger.ts';

/** Where the kubelet looks for why a container ended, unless the pod says otherwise. */
const TERMINATION_LOG = '/dev/termination-log';

/** One sentence for a person on what ended the process. */
export function sentenceOf(error: unknown): string {
  if (error instanceof FaultError) return error.message;
  // Not a thing that we foresaw: its own words are all there is.
  return printable(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
}

/**
 * Says why the process ends: a line in the log, and the sentence alone in the file that Kubernetes shows as the message of
 * the ended container. That file is never made: it is there where somebody looks at it.
 *
 * @param path of the file, from the environment's TERMINATION_LOG
 */
export function sayLastWords(error: unknown, logger: Logger, path = TERMINATION_LOG): void {
  const sentence = sentenceOf(error);
  logger.error('worker-failed', { error: sentence });
  try {
    const file = openSync(path, constants.O_WRONLY | constants.O_TRUNC);
    writeSync(file, `${sentence}\n`);
    closeSync(file);
  } catch (unwritten) {
    const code = unwritten instanceof Error && 'code' in unwritten ? String(unwritten.code) : 'unknown';
    if (code !== 'ENOENT') logger.warn('last-words-unwritten', { path, code });
  }
}
