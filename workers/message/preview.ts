import { Worker } from 'node:worker_threads';
import type { Preview, PreviewInput, PreviewLimits } from './preview-thread.ts';

/** What a preview may cost. Mail is made by strangers: each bound is one that a message has been built to break. */
export const PREVIEW_LIMITS: PreviewLimits = {
  messageBytes: 32 * 1024 * 1024,
  textCharacters: 256 * 1024,
  depth: 3,
  parts: 100,
};

const DEADLINE_MS = 10_000;
/** Of the thread's heap; a message within `messageBytes` needs a fraction of it. */
const HEAP_MB = 512;

/** A preview, or in a sentence why there is none. The message itself is untouched by either. */
export type PreviewResult = { kind: 'preview'; preview: Preview } | { kind: 'none'; why: string };

export interface PreviewOptions {
  limits?: Partial<PreviewLimits>;
  /** Milliseconds until the thread is ended. */
  deadlineMs?: number;
}

/**
 * Parses a message for reading, in a thread of its own that is ended at a deadline: MIME and HTML of strangers may take
 * a parser any time, and memory. Nothing but `archive show` depends on it; mail is kept and read back without parsing.
 *
 * @param bytes the message, or its beginning where it is longer than `messageBytes`; handed over to the thread
 * @param length bytes of the whole message
 */
export async function previewMessage(
  bytes: Uint8Array<ArrayBuffer>,
  length: number,
  { limits, deadlineMs = DEADLINE_MS }: PreviewOptions = {},
): Promise<PreviewResult> {
  const input: PreviewInput = { bytes, length, limits: { ...PREVIEW_LIMITS, ...limits } };
  const thread = new Worker(new URL('./preview-thread.ts', import.meta.url), {
    workerData: input,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    // The parser needs nothing of our surroundings.
    env: {},
    stdout: true,
    stderr: true,
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<PreviewResult>((resolve) => {
      timer = setTimeout(
        () => resolve({ kind: 'none', why: `It took longer than ${deadlineMs} ms to parse.` }),
        deadlineMs,
      );
      thread.once('message', resolve);
      thread.once('error', (error) => resolve({ kind: 'none', why: `It cannot be parsed: ${error.message}.` }));
      thread.once('exit', () => resolve({ kind: 'none', why: 'The parser ended without a result.' }));
    });
  } finally {
    clearTimeout(timer);
    await thread.terminate();
  }
}
