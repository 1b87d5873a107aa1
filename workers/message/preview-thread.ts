import { parentPort, workerData } from 'node:worker_threads';
import { type PreviewInput, parsePreview } from './parse-preview.ts';
import type { PreviewResult } from './preview.ts';

// Whatever the parser throws is about the message. The one who asked tells it beside the record, which is whole.
const result: PreviewResult = await parsePreview(workerData as PreviewInput).then(
  (preview) => ({ kind: 'preview', preview }),
  (error: unknown) => ({
    kind: 'none',
    why: `The parser refused it: ${error instanceof Error ? error.message : String(error)}.`,
  }),
);
parentPort?.postMessage(result);
