import { stripVTControlCharacters } from 'node:util';
import type { Io } from './io.ts';

/** Colours of a terminal; where there is none, or NO_COLOR is set (no-color.org), nothing is coloured. */
export type Paint = (text: string, colour: 'green' | 'red' | 'yellow' | 'dim' | 'bold') => string;

const CODES = { green: 32, red: 31, yellow: 33, dim: 2, bold: 1 } as const;

export function paintFor({ stdout, env }: Pick<Io, 'stdout' | 'env'>): Paint {
  if (stdout.isTTY !== true || (env.NO_COLOR ?? '') !== '' || env.TERM === 'dumb') return unpainted;
  return (text, colour) => `\u001b[${CODES[colour]}m${text}\u001b[0m`;
}

/** No colour. */
export const unpainted: Paint = (text) => text;

/** One line that cannot steer a terminal: what a stranger wrote may hold control characters, and marks that turn text. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}]+/gu, ' ');
}

/** A cell: its text, and how it is painted once it has its width. */
export interface Cell {
  text: string;
  paint?: (text: string) => string;
}

/**
 * Rows as lines with columns three spaces apart, as kubectl writes them.
 *
 * @param columns at most so many characters per line; what is longer is cut
 */
export function renderTable(header: readonly string[], rows: readonly (readonly Cell[])[], columns?: number): string[] {
  const all: readonly (readonly Cell[])[] = [
    header.map((text) => ({ text })),
    ...rows.map((row) => row.map((cell) => ({ ...cell, text: printable(cell.text) }))),
  ];
  const widths = header.map((_, column) => Math.max(...all.map((row) => Array.from(row[column]?.text ?? '').length)));
  return all.map((row) => {
    let line = '';
    let length = 0;
    for (const [column, { text, paint }] of row.entries()) {
      const last = column === row.length - 1;
      const width = (widths[column] ?? 0) + 3;
      const room = columns === undefined ? width : Math.max(0, columns - length);
      const shown = last && columns === undefined ? text : cut(text, room);
      line += paint ? paint(shown) : shown;
      const used = Array.from(shown).length;
      const gap = last ? 0 : Math.min(Math.max(0, width - used), Math.max(0, room - used));
      line += ' '.repeat(gap);
      length += used + gap;
    }
    return line.trimEnd();
  });
}

/** Characters that are seen of a line, colours aside. */
export function widthOf(line: string): number {
  return Array.from(stripVTControlCharacters(line)).length;
}

/** At most so many characters, the last one an ellipsis where some are missing. */
export function cut(text: string, characters: number): string {
  const all = Array.from(text);
  if (all.length <= characters) return text;
  return characters <= 0 ? '' : `${all.slice(0, characters - 1).join('')}…`;
}

/** As kubectl tells ages: the two largest units at most. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`;
  if (hours < 48) return `${hours}h`;
  return `${Math.floor(hours / 24)}d`;
}
