import { stripVTControlCharacters } from 'node:util';
import type { Io, Output } from './io.ts';
import { cut, widthOf } from './table.ts';

const CURSOR_UP = (rows: number): string => `\u001b[${rows}A`;
const CLEAR_LINE_END = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
/**
 * Characters per line and lines of a terminal. A pseudo-terminal that nobody gave a size says 0 for both (CI, `script`,
 * a serial console), and would have every line cut to nothing.
 */
export function terminalSize({ columns = 0, rows = 0 }: Output): { columns: number; rows: number } {
  return { columns: columns > 0 ? columns : 80, rows: rows > 0 ? rows : 24 };
}

/**
 * Draws a text over the one before on a terminal, line by line, so that nothing flickers and nothing scrolls: what is
 * wider than the terminal is cut, what is higher ends with how many lines are missing. Elsewhere texts follow each other.
 */
export function screen({ stdout }: Pick<Io, 'stdout'>): (text: string) => void {
  if (stdout.isTTY !== true) return (text) => void stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  let drawn: readonly string[] = [];
  return (text) => {
    const { columns, rows } = terminalSize(stdout);
    // A terminal that became narrower has wrapped what was drawn.
    const height = drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns)), 0);
    const up = height > 0 ? CURSOR_UP(Math.min(height, rows - 1)) : '';
    const all = text.trimEnd().split('\n');
    const room = Math.max(1, rows - 1);
    const fitting = all.length <= room ? all : [...all.slice(0, room - 1), `… ${all.length - room + 1} more lines`];
    drawn = fitting.map((line) => cutPainted(line, columns));
    stdout.write(`${up}\r${drawn.map((line) => `${line}${CLEAR_LINE_END}\n`).join('')}${CLEAR_BELOW}`);
  };
}

/** A line that is too long loses its colours with its end; cutting within them would leave the terminal coloured. */
function cutPainted(line: string, columns: number): string {
  return widthOf(line) <= columns ? line : cut(stripVTControlCharacters(line), columns);
}
