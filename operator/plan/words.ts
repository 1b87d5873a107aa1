/** `14:02 UTC`, or `2026-11-24 14:02 UTC` where that was another day. */
export function clockTime(at: number, now: number): string {
  const text = new Date(at).toISOString();
  const time = `${text.slice(11, 16)} UTC`;
  return text.slice(0, 10) === new Date(now).toISOString().slice(0, 10) ? time : `${text.slice(0, 10)} ${time}`;
}

/** A number rounded down to its power of ten, so that it seldom moves: `0`, `1+`, `10+`, `1000+`. */
export function roughly(count: number): string {
  return count <= 0 ? '0' : `${powerOfTen(count)}+`;
}

/** `Over 1,000 messages wait`; the number is rounded down to its power of ten. */
export function messagesWait(count: number): string {
  if (count <= 0) return 'No message waits';
  if (count < 10) return 'A few messages wait';
  return `Over ${powerOfTen(count).toLocaleString('en-US')} messages wait`;
}

/** One sentence with one full stop at its end. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  return /[.!?…]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}

/** The text without the full stop at its end, for words that follow in brackets. */
export function unended(text: string): string {
  return text.trim().replace(/\.$/, '');
}

function powerOfTen(count: number): number {
  return 10 ** (String(Math.floor(count)).length - 1);
}
