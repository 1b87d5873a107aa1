import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { parseManifests } from '../operator/api/manifest.ts';
import { API_VERSION } from '../operator/api/resource.ts';

const root = resolve(import.meta.dirname, '..');

interface Page {
  /** Relative to the project's folder. */
  name: string;
  text: string;
}

interface Block {
  page: string;
  /** Of its first line of content, from 1. */
  line: number;
  language: string;
  text: string;
}

test('every manifest in the README and the documentation is valid as it stands', async () => {
  const blocks = (await pages('README.md', 'docs/*.md')).flatMap(blocksOf);
  const manifests = blocks.filter(({ text }) => text.includes(API_VERSION) && /^kind:/m.test(text));
  assert.ok(manifests.length >= 4, `only ${manifests.length} manifests were found`);
  for (const { page, line, language, text } of manifests) {
    const { objects, problems } = parseManifests(page, text);
    const told = problems.map((it) => `${page}:${line - 1 + it.line}:${it.column}: ${it.message}`);
    assert.deepEqual(told, []);
    assert.equal(language, 'yaml', `${page}:${line}: the block does not say that it is yaml`);
    const kinds = text.match(/^kind:/gm)?.length;
    assert.equal(objects.length, kinds, `${page}:${line}: not every document is one of ours`);
  }
});

test('every relative link of a page leads to a file, and to a heading where it names one', async () => {
  const all = await pages('*.md', 'docs/**/*.md', 'examples/**/*.md');
  const wrong: string[] = [];
  let links = 0;
  for (const { name, text } of all) {
    for (const [, target = ''] of withoutCode(text).matchAll(/\]\(([^)\s]+)(?: "[^"]*")?\)/g)) {
      if (/^[a-z][a-z0-9+.-]*:/i.test(target)) continue;
      links += 1;
      const [path = '', heading] = target.split('#');
      const file = path === '' ? join(root, name) : resolve(root, dirname(name), decodeURIComponent(path));
      if (!existsSync(file)) wrong.push(`${name}: ${target} leads nowhere`);
      else if (heading !== undefined && !headingsOf(await readFile(file, 'utf8')).has(heading)) {
        wrong.push(`${name}: ${target} names no heading of ${relative(root, file)}`);
      }
    }
  }
  assert.ok(links >= 10, `only ${links} links were found`);
  assert.deepEqual(wrong, []);
});

async function pages(...patterns: string[]): Promise<Page[]> {
  const names = await Array.fromAsync(glob(patterns, { cwd: root }));
  return Promise.all(names.sort().map(async (name) => ({ name, text: await readFile(join(root, name), 'utf8') })));
}

/** Fenced blocks; one that is indented, as in a list, loses that indentation. */
function blocksOf({ name, text }: Page): Block[] {
  return [...text.matchAll(/^( *)```(\w*)\n([\s\S]*?)^ *```$/gm)].map((match) => {
    const [, indentation = '', language = '', body = ''] = match;
    const before = text.slice(0, match.index).split('\n').length;
    return {
      page: name,
      line: before + 1,
      language,
      text: body.replace(new RegExp(`^${indentation}`, 'gm'), ''),
    };
  });
}

function withoutCode(text: string): string {
  return text.replace(/^ *```[\s\S]*?^ *```$/gm, '').replace(/`[^`\n]*`/g, '');
}

/** The anchors that GitHub gives to the headings of a page. */
function headingsOf(text: string): Set<string> {
  const headings = withoutCode(text).matchAll(/^#{1,6} +(.+)$/gm);
  return new Set(
    [...headings].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replace(/ /g, '-'),
    ),
  );
}
