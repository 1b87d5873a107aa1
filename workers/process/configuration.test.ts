import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Configuration, watchConfiguration } from './configuration.ts';
import type { ConnectionEntry, PollerGroup } from './contract.ts';
import { silentLogger } from './logger.ts';

type Seen = Configuration<PollerGroup, ConnectionEntry>;

async function watched(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-configuration-'));
  const ended = new AbortController();
  const seen: Seen[] = [];
  let woken = (): void => undefined;
  t.after(async () => {
    ended.abort();
    await rm(folder, { recursive: true });
  });
  for (const name of ['group', 'connections-00', 'connections-07']) await mkdir(join(folder, name));
  watchConfiguration<PollerGroup, ConnectionEntry>({
    folder,
    role: 'poller',
    onChange: async (configuration) => {
      seen.push(configuration);
      woken();
    },
    logger: silentLogger,
    signal: ended.signal,
  });
  const until = async (holds: (now: Seen) => boolean): Promise<Seen> => {
    for (;;) {
      const now = seen.at(-1);
      if (now !== undefined && holds(now)) return now;
      await new Promise<void>((resolve) => {
        woken = resolve;
      });
    }
  };
  const put = async (name: string, value: unknown): Promise<void> => {
    const path = join(folder, name);
    await writeFile(`${path}.new`, typeof value === 'string' ? value : JSON.stringify(value));
    await rename(`${path}.new`, path);
  };
  return { folder, seen, until, put };
}

const group = (revision: string) => ({ version: 1, role: 'poller', revision });
const bucket = (...uids: string[]) => ({ version: 1, entries: uids.map((uid) => ({ uid })) });

test('nothing is served before the group is there, then all buckets together', async (t) => {
  const { until, put, seen } = await watched(t);
  await put('connections-00/entries.json', bucket('a'));
  await put('connections-07/entries.json', bucket('b', 'c'));
  await put('group/config.json', group('r1'));
  const now = await until((c) => c.entries.size === 3);
  assert.equal(now.group.revision, 'r1');
  assert.ok(seen.every((c) => c.group !== undefined));
});

test('a bucket that does not parse keeps its last good content', async (t) => {
  const { until, put } = await watched(t);
  await put('connections-00/entries.json', bucket('a'));
  await put('group/config.json', group('r1'));
  await until((c) => c.entries.has('a'));
  await put('connections-00/entries.json', '{"version":1,"entr');
  await put('connections-07/entries.json', bucket('b'));
  const now = await until((c) => c.entries.has('b'));
  assert.ok(now.entries.has('a'));
});

test('a newer version and a file for another role are left alone', async (t) => {
  const { until, put } = await watched(t);
  await put('group/config.json', group('r1'));
  await until((c) => c.group.revision === 'r1');
  await put('group/config.json', { version: 2, role: 'poller', revision: 'r2' });
  await put('connections-00/entries.json', bucket('a'));
  assert.equal((await until((c) => c.entries.has('a'))).group.revision, 'r1');
  await put('group/config.json', { version: 1, role: 'receiver', revision: 'r3' });
  await put('connections-07/entries.json', bucket('b'));
  assert.equal((await until((c) => c.entries.has('b'))).group.revision, 'r1');
});

test('a bucket that goes away takes its connections with it', async (t) => {
  const { folder, until, put } = await watched(t);
  await put('connections-00/entries.json', bucket('a'));
  await put('group/config.json', group('r1'));
  await until((c) => c.entries.size === 1);
  await rm(join(folder, 'connections-00/entries.json'));
  await until((c) => c.entries.size === 0);
});

test('the way in which the kubelet swaps a Secret volume is seen', async (t) => {
  const { folder, until, put } = await watched(t);
  await put('group/config.json', group('r1'));
  const secret = join(folder, 'connections-07');
  const version = async (name: string, ...uids: string[]): Promise<void> => {
    await mkdir(join(secret, name));
    await writeFile(join(secret, name, 'entries.json'), JSON.stringify(bucket(...uids)));
    await symlink(name, join(secret, '..data_tmp'));
    await rename(join(secret, '..data_tmp'), join(secret, '..data'));
  };
  await version('..1', 'a');
  await symlink('..data/entries.json', join(secret, 'entries.json'));
  await until((c) => c.entries.has('a'));
  await version('..2', 'b');
  await until((c) => c.entries.has('b') && !c.entries.has('a'));
  await unlink(join(secret, 'entries.json'));
  await until((c) => c.entries.size === 0);
});
