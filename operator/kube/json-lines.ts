import { ApiError } from './api-error.ts';

const LINE_FEED = 0x0a;

/**
 * The JSON values of a stream, one per line. Lines are cut as bytes, so that a character that comes in two pieces stays
 * whole; a value is read only when the one before it was taken.
 *
 * @param limit bytes that one line may have
 * @throws ApiError Unreadable for a line that is too long or no JSON, such as one that broke off
 */
export async function* jsonLines(chunks: AsyncIterable<Buffer>, limit: number): AsyncGenerator<unknown> {
  let pieces: Buffer[] = [];
  let length = 0;
  const take = (piece: Buffer): void => {
    length += piece.length;
    if (length > limit) {
      throw new ApiError('Unreadable', `The API server sent a line of more than ${limit} bytes in a watch.`);
    }
    pieces.push(piece);
  };
  const parse = (): unknown => {
    const line = Buffer.concat(pieces, length).toString('utf8');
    pieces = [];
    length = 0;
    return line.trim() === '' ? undefined : parseLine(line);
  };

  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, from)) {
      take(chunk.subarray(from, at));
      from = at + 1;
      const value = parse();
      if (value !== undefined) yield value;
    }
    if (from < chunk.length) take(chunk.subarray(from));
  }
  const last = parse();
  if (last !== undefined) yield last;
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new ApiError('Unreadable', 'A line that the API server sent in a watch broke off or is no JSON.', {
      cause: error,
    });
  }
}
