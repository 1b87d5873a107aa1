const LONGEST = 200;

/**
 * The line of a dead process's standard error that says most: the error that ended it, else its last line. Frames of a
 * stack trace and the version that Node prints after it say nothing to the person who reads a status.
 */
export function lastWords(lines: readonly string[]): string | undefined {
  const candidates = lines.map((line) => line.trim()).filter((line) => line !== '' && !isNoise(line));
  const words = candidates.findLast((line) => /^(Uncaught )?\w*Error\b.*: /.test(line)) ?? candidates.at(-1);
  return words?.replace(/\p{C}/gu, ' ').slice(0, LONGEST);
}

function isNoise(line: string): boolean {
  return /^(at |Node\.js v|\^+$|node:internal|throw )|^[{}\]]|^\w+: .*,$/.test(line);
}
