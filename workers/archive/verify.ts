import type { Finding } from './reader.ts';
import { digestAgrees, readArchive } from './reader.ts';
import type { Store } from './store.ts';

/** One thing that is wrong, or that is worth knowing (`bad: false`). */
export interface VerifyFinding {
  bad: boolean;
  /** `WRITER:NUMBER` of the record, where it has one. */
  position?: string;
  segment?: string;
  /** Bytes from the segment's beginning. */
  offset?: number;
  text: string;
}

export interface VerifyProgress {
  /** Bytes of segments so far, and of all. */
  done: number;
  total: number;
}

export interface VerifyResult {
  messages: number;
  events: number;
  /** Bytes of messages. */
  messageBytes: number;
  bad: number;
}

/**
 * Reads the whole archive back: every record is parsed, every message is hashed and compared with its digest, every
 * number is looked for up to each writer's durable mark.
 */
export async function verifyArchive(
  store: Store,
  found: (finding: VerifyFinding) => void,
  progressed: (progress: VerifyProgress) => void = () => undefined,
  signal?: AbortSignal,
): Promise<VerifyResult> {
  const total = (await store.listSegments()).reduce((sum, segment) => sum + segment.bytes, 0);
  const result: VerifyResult = { messages: 0, events: 0, messageBytes: 0, bad: 0 };
  let done = 0;
  const tell = (finding: VerifyFinding): void => {
    if (finding.bad) result.bad += 1;
    found(finding);
  };
  for await (const item of readArchive(store)) {
    signal?.throwIfAborted();
    switch (item.kind) {
      case 'finding':
        tell(describe(item));
        break;
      case 'event':
        result.events += 1;
        break;
      case 'message': {
        const { position, metadata, segment, offset } = item;
        result.messages += 1;
        result.messageBytes += metadata.length;
        if (!(await digestAgrees(store, item))) {
          tell({
            bad: true,
            position: `${position.writer}:${position.number}`,
            segment: segment.path,
            offset,
            text: 'the bytes of the message do not agree with their digest',
          });
        }
        done += item.metadata.length;
        progressed({ done: Math.min(done, total), total });
      }
    }
  }
  progressed({ done: total, total });
  return result;
}

function describe({ bad, segment, offset, text, finding, writer }: Finding): VerifyFinding {
  return {
    bad,
    ...(segment !== undefined && { segment }),
    ...(offset !== undefined && { offset }),
    text: segment === undefined ? `${finding}: ${text} (${writer})` : `${finding}: ${text}`,
  };
}
