import { randomBytes } from 'node:crypto';
import { Registry } from 'prom-client';
import type { ArchiveLog } from '../../archive/log.ts';
import { type Clock, systemClock, timestamp } from '../../process/clock.ts';
import type { ReceiverConnection, ReceiverGroup } from '../../process/contract.ts';
import { createFactsBoard, type FactsBoard } from '../../process/facts-board.ts';
import { type LogFields, type Logger, silentLogger } from '../../process/logger.ts';
import { checkCharacters } from '../address.ts';
import { createReceiver, type Receiver, type ReceiverOptions } from '../receiver.ts';
import { certificate } from './certificate.ts';
import { type MemoryLog, memoryLog } from './memory-log.ts';

export const HOST = 'in.archive.example.com';

/** A local part whose check characters fit, made of `seed`. */
export function localPart(seed: string): string {
  const derived = seed.replaceAll(/[ilou]/g, 'x').padEnd(26, '0');
  return derived + checkCharacters(derived);
}

export const addressOf = (seed: string): string => `${localPart(seed)}@${HOST}`;

/** An enabled connection whose uid, name and address come from `seed`. */
export function entry(seed: string, changes: Partial<ReceiverConnection> = {}): ReceiverConnection {
  return {
    method: 'SMTP',
    uid: seed,
    namespace: 'contoso',
    name: seed,
    generation: 1,
    revision: `${seed}-1`,
    state: 'Enabled',
    localParts: [localPart(seed)],
    senderRanges: [],
    outsideRanges: 'Defer',
    whenDisabled: 'Defer',
    minimumTLS: 'TLSv1.2',
    ...changes,
  };
}

export function testGroup(changes: Partial<ReceiverGroup> = {}): ReceiverGroup {
  return {
    version: 1,
    revision: 'group-1',
    role: 'receiver',
    gateway: { namespace: 'mailhold', name: 'default' },
    archive: { path: '/nowhere', reserveBytes: 0 },
    hostName: HOST,
    journalDomain: HOST,
    listen: { address: '127.0.0.1', port: 0 },
    certificate,
    limits: {
      sessions: 200,
      sessionsPerPeer: 50,
      sessionsPerConnection: 50,
      bytesInFlight: 64 * 1024 * 1024,
      messageBytes: 10 * 1024 * 1024,
      recipientsPerTransaction: 100,
    },
    selfTest: { key: Buffer.alloc(32, 7).toString('base64'), dial: { address: '127.0.0.1', port: 0 } },
    hiddenPeerRanges: [],
    ...changes,
  };
}

/** The system's clock, whose monotonic time a test can put forward: timeouts then pass without waiting. */
export function movableClock(): Clock & { advance(ms: number): void } {
  let ahead = 0;
  return {
    now: systemClock.now,
    monotonic: () => systemClock.monotonic() + ahead,
    advance: (ms) => {
      ahead += ms;
    },
  };
}

/** The facts of a receiver that has just begun. */
export function testBoard({ gateway }: ReceiverGroup, clock: Clock): FactsBoard {
  return createFactsBoard(
    randomBytes(8).toString('hex'),
    {
      gateway,
      role: 'receiver',
      software: 'Mailhold/test',
      startedAt: timestamp(clock),
      ready: false,
      archive: {},
      unknownRecipients: { count: 0 },
      failedHandshakes: [],
    },
    clock,
  );
}

export interface Running extends AsyncDisposable {
  receiver: Receiver;
  board: FactsBoard;
  registry: Registry;
  log: ArchiveLog;
  port: number;
  /** Log lines so far. */
  lines: { event: string; fields: LogFields }[];
  serve(entries: ReceiverConnection[], changes?: Partial<ReceiverGroup>): Promise<void>;
}

/** A receiver on a free port of loopback that serves `entries`, stopped by `await using`. */
export async function startReceiver<L extends ArchiveLog = MemoryLog>(
  entries: ReceiverConnection[],
  {
    log = memoryLog() as ArchiveLog as L,
    options = {},
    group: changes = {},
    clock = systemClock,
  }: { log?: L; options?: ReceiverOptions; group?: Partial<ReceiverGroup>; clock?: Clock } = {},
): Promise<Running & { log: L }> {
  const group = testGroup(changes);
  const registry = new Registry();
  const lines: Running['lines'] = [];
  const note = (event: string, fields: LogFields = {}): void => {
    lines.push({ event, fields });
  };
  const logger: Logger = { ...silentLogger, info: note, warn: note, error: note, with: () => logger };
  const board = testBoard(group, clock);
  const context = { clock, logger, registry, board, log, software: 'Mailhold/test' };
  const receiver = createReceiver(context, group, options);
  const serve = (next: ReceiverConnection[], groupChanges: Partial<ReceiverGroup> = {}): Promise<void> =>
    receiver.apply({ group: { ...group, ...groupChanges }, entries: new Map(next.map((one) => [one.uid, one])) });
  await serve(entries);
  // The tests that follow a change use sessions and write lines; what is tested here comes after them.
  const tested = (): boolean => entries.every(({ uid }) => board.get(uid)?.facts.attempt !== undefined);
  await eventually(() => tested() && receiver.sessions === 0, 'self-tests are done');
  lines.length = 0;
  return {
    receiver,
    board,
    registry,
    log,
    lines,
    serve,
    get port() {
      return receiver.port ?? 0;
    },
    [Symbol.asyncDispose]: () => receiver.stop(AbortSignal.abort()),
  };
}

/** Resolves when `condition` holds; fails after `ms`. For what happens behind the peer's back. */
export async function eventually(condition: () => boolean | Promise<boolean>, what: string, ms = 5_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
