import { scanSegment } from './scan.ts';
import type { SegmentName, Store } from './store.ts';

/**
 * The segments of a writer's group commit from the one on that may hold the record behind a number. Numbers only grow
 * from segment to segment, so a few looks at first records find it.
 *
 * @param segments in the order of their sequence
 */
export async function segmentsBehind(
  store: Store,
  segments: readonly SegmentName[],
  number: number,
): Promise<readonly SegmentName[]> {
  let low = 0;
  let high = segments.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const segment = segments[middle];
    const first = segment && (await firstNumber(store, segment));
    if (first !== undefined && first <= number + 1) low = middle;
    else high = middle - 1;
  }
  return segments.slice(low);
}

/** Number of the first record that can be read, or undefined where there is none. */
async function firstNumber(store: Store, segment: SegmentName): Promise<number | undefined> {
  const file = await store.openSegment(segment);
  try {
    for await (const found of scanSegment(file, segment.writer, segment.bytes)) {
      if (found.kind === 'message' || found.kind === 'event') return found.metadata.number;
    }
    return undefined;
  } finally {
    await file.close();
  }
}
