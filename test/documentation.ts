import { glob, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** The project's folder. */
export const PROJECT = resolve(import.meta.dirname, '..');

export interface Page {
  /** Relative to the project's folder. */
  name: string;
  text: string;
}

/** A fenced block of a page. */
export interface Block {
  page: string;
  /** Of its first line of content, from 1. */
  line: number;
  /** The first word after the fence, such as `yaml`. */
  language: string;
  /** The word after that, which readers are not shown: `kubernetes` of a manifest, `run` or `run-on-node` of commands. */
  mark: string | undefined;
  text: string;
}

/** The pages of these patterns, by name. */
export async function pages(...patterns: string[]): Promise<Page[]> {
  const names = await Array.fromAsync(glob(patterns, { cwd: PROJECT }));
  return Promise.all(names.sort().map(async (name) => ({ name, text: await readFile(join(PROJECT, name), 'utf8') })));
}

/** Fenced blocks; one that is indented, as in a list, loses that indentation. */
export function blocksOf({ name, text }: Page): Block[] {
  return [...text.matchAll(/^( *)```(\w*)(?: +([\w-]+))?\n([\s\S]*?)^ *```$/gm)].map((match) => {
    const [, indentation = '', language = '', mark, body = ''] = match;
    const before = text.slice(0, match.index).split('\n').length;
    return {
      page: name,
      line: before + 1,
      language,
      mark,
      text: body.replace(new RegExp(`^${indentation}`, 'gm'), ''),
    };
  });
}
