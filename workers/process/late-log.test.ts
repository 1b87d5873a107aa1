import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Envelope, openArchiveLog } from '../archive/log.ts';
import { systemClock } from './clock.ts';
import { openLateLog } from './late-log.ts';
import { silentLogger } from './logger.ts';

const envelope: Envelope = {
  targets: [],
  retention: 'mail',
  capture: { kind: 'smtp', peer: { address: '192.0.2.1', port: 25 }, helo: 'x', mailFrom: '', rcptTo: [] },
  begunAt: '2026-01-01T00:00:00Z',
  receivedAt: '2026-01-01T00:00:00Z',
};

const opener = (path: string) => () =>
  openArchiveLog({
    target: { path, reserveBytes: 0 },
    clock: systemClock,
    logger: silentLogger,
    software: 'Mailhold/test',
    writer: 'a',
  });

test('where the archive is in order, the log is without fault from its first moment', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-late-'));
  t.after(() => rm(folder, { recursive: true }));
  const log = await openLateLog('a', opener(folder));
  assert.equal(log.fault, undefined);
  await log.append(Buffer.from('x'), envelope);
  await log.close();
});

test('while the folder is missing the log says so, and it works as soon as the folder is there', async (t) => {
  const parent = await mkdtemp(join(tmpdir(), 'mailhold-late-'));
  t.after(() => rm(parent, { recursive: true }));
  const folder = join(parent, 'volume');
  const log = await openLateLog('a', opener(folder));
  assert.match(log.fault?.message ?? '', /does not exist; create the folder or mount its volume/);
  assert.throws(() => log.begin(), { code: 'ArchiveNotWritable', retry: 'later' });
  const healed = new Promise<void>((resolve) => log.onChange(() => log.fault ?? resolve()));
  await mkdir(folder);
  await healed;
  await log.append(Buffer.from('x'), envelope);
  await log.close();
});

test('a folder that does not answer keeps nobody waiting for long', async () => {
  let answer = (): void => undefined;
  const hanging = new Promise<never>((_, reject) => {
    answer = () => reject(new Error('gone'));
  });
  const log = await openLateLog('a', () => hanging);
  assert.match(log.fault?.message ?? '', /does not answer/);
  const closed = log.close();
  answer();
  await closed;
});
