import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { parseManifests } from '../operator/api/manifest.ts';
import { API_VERSION } from '../operator/api/resource.ts';
import type { Platform } from '../operator/api/schema.ts';
import { blocksOf, pages, PROJECT as root } from './documentation.ts';

test('every manifest in the README and the documentation is valid as it stands', async () => {
  const blocks = (await pages('README.md', 'docs/*.md')).flatMap(blocksOf);
  const manifests = blocks.filter(({ text }) => text.includes(API_VERSION) && /^kind:/m.test(text));
  assert.ok(manifests.length >= 4, `only ${manifests.length} manifests were found`);
  for (const { page, line, language, mark, text } of manifests) {
    const platform = mark === 'kubernetes' ? 'kubernetes' : 'standalone';
    assert.deepEqual(problemsOf(page, text, platform, line - 1), []);
    assert.equal(language, 'yaml', `${page}:${line}: the block does not say that it is yaml`);
    const kinds = text.match(/^kind:/gm)?.length;
    const { objects } = parseManifests(page, text, platform);
    assert.equal(objects.length, kinds, `${page}:${line}: not every document is one of ours`);
  }
});

test('every manifest of examples/kubernetes is valid, and is named in its README', async () => {
  const [readme = { name: '', text: '' }] = await pages('examples/kubernetes/README.md');
  const files = await pages('examples/kubernetes/*.yaml');
  assert.ok(files.length >= 8, `only ${files.length} files were found`);
  for (const { name, text } of files) {
    assert.match(readme.text, new RegExp(`\\(${name.split('/').at(-1)}\\)`));
    if (/\/values[^/]*$/.test(name)) continue;
    for (const document of parseAllDocuments(text)) {
      assert.deepEqual(document.errors, []);
      const object = document.toJS() as { apiVersion: string; metadata: { namespace?: string; name: string } };
      // What is not ours, an API server judges (test/cluster/examples.test.ts).
      if (object.apiVersion !== API_VERSION) continue;
      assert.deepEqual(problemsOf(name, String(document), 'kubernetes'), []);
      assert.ok(object.metadata.namespace, `${name}: ${object.metadata.name} names no namespace`);
    }
  }
});

test('what is marked in a block is a word that a test knows', async () => {
  const blocks = (await pages('README.md', 'CONTRIBUTING.md', 'docs/**/*.md', 'examples/**/*.md')).flatMap(blocksOf);
  const marks = blocks.flatMap(({ page, line, language, mark }) =>
    mark === undefined ? [] : [`${page}:${line} ${language} ${mark}`],
  );
  assert.deepEqual(
    marks.filter((it) => !/ (yaml kubernetes|sh run|sh run-on-node)$/.test(it)),
    [],
  );
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

/** What is wrong in a manifest, with its place on the page. */
function problemsOf(page: string, text: string, platform: Platform, above = 0): string[] {
  const { problems } = parseManifests(page, text, platform);
  return problems.map(({ line, column, message }) => `${page}:${above + line}:${column}: ${message}`);
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
