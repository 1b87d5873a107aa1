import { Worker } from 'node:worker_threads';
import type { Preview, PreviewInput, PreviewLimits } from './parse-preview.ts';

/** What a preview may cost. Mail is made by strangers: each bound is one that some message was built to break. */
export const PREVIEW_LIMITS: PreviewLimits = {
  messageBytes: 32 * 1024 * 1024,
  textCharacters: 256 * 1024,
  headerBytes: 256 * 1024,
  parts: 200,
  depth: 3,
};

const DEADLINE_MS = 10_000;
/** Of the thread's heap. Buffers are outside of it, and bounded by `messageBytes`. */
const HEAP_MB = 256;

/** A preview, or in a sentence why there is none. The message is untouched by either. */
export type PreviewResult = { kind: 'preview'; preview: Preview } | { kind: 'none'; why: string };

export interface PreviewOptions {
  limits?: Partial<PreviewLimits>;
  /** Milliseconds until the thread is ended. */
  deadlineMs?: number;
}

/**
 * Parses a message for reading, in a thread of its own that is ended at a deadline: what strangers wrote may take a
 * parser any time and memory. Mail is taken, kept and read back without it.
 *
 * @param bytes the message, or its beginning where it has more than `messageBytes`
 * @param length bytes of the whole message
 */
export async function previewMessage(
  bytes: Uint8Array,
  length: number,
  { limits, deadlineMs = DEADLINE_MS }: PreviewOptions = {},
): Promise<PreviewResult> {
  const input: PreviewInput = { bytes, length, limits: { ...PREVIEW_LIMITS, ...limits } };
  const thread = new Worker(new URL('./preview-thread.ts', import.meta.url), {
    workerData: input,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    // The parser needs to know nothing of its surroundings, and has nothing to say to the terminal.
    env: {},
    stdout: true,
    stderr: true,
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<PreviewResult>((resolve) => {
      timer = setTimeout(() => resolve({ kind: 'none', why: `It took more than ${deadlineMs} ms.` }), deadlineMs);
      thread.once('message', resolve);
      thread.once('error', ({ message }) => resolve({ kind: 'none', why: `The parser failed: ${message}.` }));
      thread.once('exit', () => resolve({ kind: 'none', why: 'The parser ended without a result.' }));
    });
  } finally {
    clearTimeout(timer);
    await thread.terminate();
  }
}
