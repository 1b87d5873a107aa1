import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, matchesGlob } from 'node:path';
import { after, before, test } from 'node:test';
import { build } from 'esbuild';
import { writeImage } from '../image/archive.ts';
import { bundle } from '../image/bundle.ts';
import { imageConfiguration, readProject } from '../image/configuration.ts';
import { keepPlaces } from '../image/keep-places.ts';
import { programs } from '../image/programs.ts';
import { envelope, testArchive } from '../workers/archive/test-archive.ts';

const ROOT = join(import.meta.dirname, '..');

let folder: string;
let app: string;
let sources: string[];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailhold-image-'));
  app = join(folder, 'app');
  sources = await bundle(app);
});
after(() => rm(folder, { recursive: true }));

/** Runs a program; from a folder that has no packages, so that nothing is found but what is bundled. */
function run(command: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd: folder, encoding: 'utf8' }, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err });
    });
  });
}

const node = (program: string, ...args: string[]) => run(process.execPath, join(app, program), ...args);

for (const role of ['receiver', 'poller']) {
  test(`the bundled ${role} starts, and says how it is used`, async () => {
    const { code, err } = await node(`workers/${role}/main.js`);
    assert.equal(code, 2);
    assert.match(err, new RegExp(`^usage: ${role} --config DIR`, 'm'));
  });
}

test('the bundled operator starts, and says how it is used', async () => {
  const { code, err } = await node('operator/main.js');
  assert.equal(code, 2);
  assert.match(err, /^operator: --namespace is missing\n\nusage: operator --namespace/);
});

test('the bundled command line finds its version, and loads what a command needs when it is asked for', async () => {
  const { version } = await readProject(ROOT);
  assert.deepEqual(await node('cli/main.js', '--version'), { code: 0, out: `mailhold ${version}\n`, err: '' });
  const valid = await node('cli/main.js', 'validate', join(ROOT, 'examples/demo'));
  assert.deepEqual([valid.code, valid.err], [0, '']);
});

test('the bundled command line shows a message, which is parsed by a program beside it', async () => {
  await using archive = await testArchive();
  const log = await archive.open();
  const { sha256 } = await log.append(Buffer.from('Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n\r\nHello\r\n'), envelope);
  await log.close();
  const { code, out, err } = await node('cli/main.js', 'archive', 'show', archive.folder, sha256);
  assert.deepEqual([code, err], [0, '']);
  assert.match(out, /Grüße[\s\S]*Hello/);
});

test('a module that would not find its folder in a bundle is refused', async () => {
  const source = join(folder, 'lost.ts');
  await writeFile(source, 'console.log(import.meta.dirname);\n');
  const built = build({ entryPoints: [source], write: false, plugins: [keepPlaces(source)], logLevel: 'silent' });
  await assert.rejects(built, /import\.meta has only url and main in a bundle/);
});

test('the licence of each bundled package comes with it', async () => {
  const sections = (await readFile(join(app, 'LICENSES-OF-PACKAGES'), 'utf8')).split(/^={80}\n/m).slice(1);
  const names = sections.map((section) => section.slice(0, section.lastIndexOf(' ', section.indexOf(':'))));
  for (const name of ['imapflow', 'mailparser', 'prom-client', '@peculiar/x509']) assert.ok(names.includes(name), name);
  const short = sections.filter((section) => section.length < 500).map((section) => section.split('\n')[0]);
  // Who gives a work away by the Unlicense asks for nothing.
  assert.deepEqual(
    short.filter((heading) => !heading?.endsWith(': Unlicense')),
    [],
  );
});

test('the Dockerfile says what the image says that is put together without it', async () => {
  const project = await readProject(ROOT);
  const { config } = imageConfiguration(project, []);
  const dockerfile = (await readFile(join(ROOT, 'Dockerfile'), 'utf8')).replace(/\\\n\s*/g, '');
  const values = (instruction: string): string[] =>
    [...dockerfile.matchAll(new RegExp(`^${instruction} (.*)$`, 'gm'))].map(([, value = '']) => value);
  const labels = [...(values('LABEL').at(-1) ?? '').matchAll(/(\S+)="([^"]*)"/g)].map(([, key, value]) => [key, value]);
  assert.deepEqual(
    {
      User: values('USER').at(-1),
      WorkingDir: values('WORKDIR').at(-1),
      Env: values('ENV'),
      Entrypoint: JSON.parse(values('ENTRYPOINT').at(-1) ?? '[]'),
      StopSignal: values('STOPSIGNAL').at(-1),
      Labels: Object.fromEntries(labels),
    },
    config,
  );
  const pinned = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')).devDependencies.node;
  const nodes = [...dockerfile.matchAll(/^FROM .*\bnode:([\d.]+)-/gm)].map(([, version]) => version);
  assert.deepEqual(nodes, [pinned, pinned]);
});

test('the container build sees all sources of the bundles, and nothing that is not one', async () => {
  const lines = (await readFile(join(ROOT, '.dockerignore'), 'utf8'))
    .split('\n')
    .filter((line) => !/^(#|$)/.test(line));
  const seen = (path: string): boolean => {
    const [last] = lines.filter((line) => matches(path, line.replace(/^!/, ''))).slice(-1);
    return last === undefined || last.startsWith('!');
  };
  const builders = ['image/bundle.ts', 'package.json', 'package-lock.json', '.npmrc', 'tsconfig.json', 'LICENSE'];
  assert.deepEqual(
    [...sources, ...builders].filter((path) => !seen(path)),
    [],
  );
  const foreign = [
    '.git/config',
    'node_modules/undici/index.js',
    'test/run.ts',
    'build/image/x.tar',
    'cli/main.test.ts',
  ];
  assert.deepEqual(foreign.filter(seen), []);
});

test('the image without a container engine is the same twice, and each digest in it is right', async () => {
  const first = await writeImage(join(folder, 'first'));
  const second = await writeImage(join(folder, 'second'));
  const digests = await Promise.all([first, second].map(async ({ path }) => sha256(await readFile(path))));
  assert.equal(digests[0], digests[1]);

  const unpacked = await mkdtemp(join(folder, 'unpacked-'));
  await tar('-xf', first.path, '-C', unpacked);
  const [manifest] = JSON.parse(await readFile(join(unpacked, 'manifest.json'), 'utf8'));
  assert.deepEqual(manifest.RepoTags, [first.name]);
  const { rootfs } = JSON.parse(await readFile(join(unpacked, manifest.Config), 'utf8'));
  const layers: string[] = manifest.Layers;
  assert.deepEqual(
    await Promise.all(layers.map(async (layer) => `sha256:${sha256(await readFile(join(unpacked, layer)))}`)),
    rootfs.diff_ids,
  );
  const listed = (await Promise.all(layers.map((layer) => tar('--utc', '-tvf', join(unpacked, layer))))).join('');
  const entry = (path: string) => new RegExp(`^-r.xr-xr-x 0/0 .*1970-01-01 00:00 ${path}$`, 'm');
  assert.match(listed, entry('usr/local/bin/node'));
  assert.match(listed, / usr\/local\/bin\/mailhold -> \/app\/cli\/main\.js$/m);
  assert.match(listed, /^drwxrwxrwt .* tmp\/$/m);
  for (const program of programs) assert.match(listed, entry(`app/${program}\\.js`));
});

/** A pattern of .dockerignore also covers what is below a folder that it names. */
function matches(path: string, pattern: string): boolean {
  return pattern === '*' || matchesGlob(path, pattern) || path.startsWith(`${pattern}/`);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function tar(...args: string[]): Promise<string> {
  const { code, out, err } = await run('tar', ...args);
  assert.equal(code, 0, err);
  return out;
}
