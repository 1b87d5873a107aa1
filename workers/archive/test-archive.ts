import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../process/clock.ts';
import { silentLogger } from '../process/logger.ts';
import { type ArchiveLog, type Envelope, type LogOptions, openArchiveLog } from './log.ts';
import {
  type ArchiveItem,
  type EventRecord,
  type Finding,
  type MessageRecord,
  type ReadOptions,
  readArchive,
  readMessage,
} from './reader.ts';
import type { Store } from './store.ts';
import { openFileStore } from './store-file.ts';

/** An archive in a temporary folder, for tests. */
export interface TestArchive extends AsyncDisposable {
  folder: string;
  store: Store;
  open(options?: Partial<LogOptions>): Promise<ArchiveLog>;
  read(options?: ReadOptions): Promise<{ messages: MessageRecord[]; events: EventRecord[]; findings: Finding[] }>;
  bytesOf(record: MessageRecord): Promise<Buffer>;
}

export const envelope: Envelope = {
  targets: [{ uid: 'u1', namespace: 'contoso', name: 'journal', generation: 1 }],
  retention: 'mail',
  capture: {
    kind: 'smtp',
    peer: { address: '192.0.2.1', port: 25_000 },
    helo: 'mail.example.com',
    tls: { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' },
    mailFrom: '',
    rcptTo: ['x@in.example.com'],
  },
  begunAt: '2026-01-01T00:00:00.000Z',
  receivedAt: '2026-01-01T00:00:00.100Z',
};

export async function testArchive(existing?: string): Promise<TestArchive> {
  const folder = existing ?? (await mkdtemp(join(tmpdir(), 'mailhold-archive-')));
  const store = await openFileStore(folder);
  const opened: ArchiveLog[] = [];
  return {
    folder,
    store,
    open: async (options = {}) => {
      const log = await openArchiveLog({
        target: { path: folder, reserveBytes: 0 },
        clock: systemClock,
        logger: silentLogger,
        software: 'Mailhold/test',
        ...options,
      });
      opened.push(log);
      return log;
    },
    read: async (options) => sorted(readArchive(store, options)),
    bytesOf: async (record) => {
      const parts: Buffer[] = [];
      for await (const part of readMessage(store, record)) parts.push(part);
      return Buffer.concat(parts);
    },
    [Symbol.asyncDispose]: async () => {
      for (const log of opened) await log.close();
      if (existing === undefined) await rm(folder, { recursive: true });
    },
  };
}

async function sorted(items: AsyncIterable<ArchiveItem>) {
  const messages: MessageRecord[] = [];
  const events: EventRecord[] = [];
  const findings: Finding[] = [];
  for await (const item of items) {
    if (item.kind === 'message') messages.push(item);
    else if (item.kind === 'event') events.push(item);
    else findings.push(item);
  }
  return { messages, events, findings };
}

/** A store whose commits go through `around`. */
export function aroundCommits(store: Store, around: (commit: () => Promise<void>) => Promise<void>): Store {
  return {
    ...store,
    createSegment: async (writer, sequence, head) => {
      const segment = await store.createSegment(writer, sequence, head);
      return { ...segment, commit: (parts) => around(() => segment.commit(parts)) };
    },
  };
}

/** Resolves once the condition holds, looking whenever the log changed. */
export function until(log: ArchiveLog, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (holds()) resolve();
    };
    log.onChange(look);
    look();
  });
}
