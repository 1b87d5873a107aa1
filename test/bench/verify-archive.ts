import { type MessageRecord, readArchive } from '../../workers/archive/reader.ts';
import type { SegmentReader } from '../../workers/archive/store.ts';
import { openFileStore } from '../../workers/archive/store-file.ts';

export interface Verified {
  /** Expected messages that stand in the archive, byte for byte. */
  exact: number;
  bytes: number;
  /** What is not as it should be, in words; at most the first ten. */
  wrong: string[];
}

/**
 * Reads a whole archive and compares each message with what was sent.
 *
 * @param expected number of messages that were acknowledged
 * @param check gets a message's bytes and its record; returns its key, under which it may stand only once, or what is wrong with it
 */
export async function verifyArchive(
  folder: string,
  expected: number,
  check: (bytes: Buffer, record: MessageRecord) => { key: string } | { wrong: string },
): Promise<Verified> {
  const store = await openFileStore(folder);
  const seen = new Set<string>();
  const wrong: string[] = [];
  let bytes = 0;
  const complain = (text: string): void => {
    if (wrong.length < 10) wrong.push(text);
  };
  // The reader opens a segment for each message; here it is one after the other, so the last one stays open.
  let opened: { path: string; file: SegmentReader } | undefined;
  const read = async ({ segment, blockOffset, metadata }: MessageRecord): Promise<Buffer> => {
    if (opened?.path !== segment.path) {
      await opened?.file.close();
      opened = { path: segment.path, file: await store.openSegment(segment) };
    }
    return opened.file.read(blockOffset, metadata.length);
  };
  try {
    for await (const item of readArchive(store)) {
      if (item.kind === 'finding' && item.bad) complain(item.text);
      if (item.kind !== 'message' || item.metadata.retention === 'canary') continue;
      const message = await read(item);
      const checked = check(message, item);
      if ('wrong' in checked) complain(checked.wrong);
      else if (seen.has(checked.key)) complain(`message ${checked.key} stands there twice`);
      else {
        seen.add(checked.key);
        bytes += message.length;
      }
    }
  } finally {
    await opened?.file.close();
  }
  if (seen.size !== expected) complain(`${expected} were acknowledged, and ${seen.size} are there`);
  return { exact: seen.size, bytes, wrong };
}
