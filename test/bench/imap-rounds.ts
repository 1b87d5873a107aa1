import type { ConnectionFacts, PollerConnection, PollerGroup, StatusAnswer } from '../../workers/process/contract.ts';
import type { Dovecot } from '../peers/dovecot.ts';
import { pullWithMbsync } from '../peers/mbsync.ts';
import { type MailholdWorker, startMailholdWorker } from './mailhold-worker.ts';
import { turned } from './statistics.ts';

/** The ways to pull a mailbox that are measured. */
export type Puller = 'mailhold' | 'mailhold-whole' | 'mbsync-fsync' | 'mbsync';

/** What a run shows; `mailhold-pull` is the part of `mailhold` behind SELECT. */
export type Measured = Puller | 'mailhold-pull';

export interface ImapRun {
  puller: Measured;
  round: number;
  perSecond: number;
  ms: number;
}

export interface ImapOptions {
  dovecot: Dovecot;
  /** The one whose mailbox is measured, and one that has as much mail, for warming up. Both have the password. */
  user: string;
  otherUser: string;
  password: string;
  messages: number;
  rounds: number;
  pullers: readonly Puller[];
  onRun: (run: ImapRun) => void;
  /** Gets the archive of each worker that ended, with the messages that it stored. */
  verify: (archive: string, messages: number) => Promise<void>;
}

const PULL_MS = 60_000;

/**
 * Pulls the same mailbox with each puller in turn, round by round.
 *
 * `mailhold`: a poller that has pulled another mailbox gets the connection by its configuration; the time is from writing
 * that to the last message stored, with login and SELECT. `mailhold-pull`: the part of it behind SELECT.
 * `mailhold-whole`: a poller that is started with the connection, from the start of its process on. `mbsync` is always the
 * whole program, which is small and starts at once.
 */
export async function runImapRounds(options: ImapOptions): Promise<ImapRun[]> {
  const { dovecot, messages, rounds, onRun } = options;
  const runs: ImapRun[] = [];
  // Once unmeasured: Dovecot builds its index.
  for (let round = -1; round < rounds; round += 1) {
    for (const puller of turned(options.pullers, Math.max(round, 0))) {
      const times = await pull(puller, options);
      if (round === -1) continue;
      for (const [measured, ms] of times) {
        const run = { puller: measured, round, ms, perSecond: (messages / ms) * 1000 };
        runs.push(run);
        onRun(run);
      }
    }
  }
  if ((await dovecot.count(options.user)) !== messages) throw new Error('the mailbox is not what it was');
  return runs;
}

async function pull(puller: Puller, options: ImapOptions): Promise<[Measured, ms: number][]> {
  const { messages, dovecot } = options;
  switch (puller) {
    case 'mailhold': {
      const other = connection(options, options.otherUser);
      const entry = connection(options, options.user);
      await using worker = await startMailholdWorker<PollerGroup>({ group: group(), entries: [other] });
      await storedAt(worker, other.uid, messages);
      const from = Date.now();
      await worker.serve([other, entry]);
      const { selected, stored } = await storedAt(worker, entry.uid, messages);
      await worker.stop();
      await options.verify(worker.archive, 2 * messages);
      return [
        [puller, stored - from],
        ['mailhold-pull', stored - selected],
      ];
    }
    case 'mailhold-whole': {
      const entry = connection(options, options.user);
      await using worker = await startMailholdWorker<PollerGroup>({ group: group(), entries: [entry] });
      const { stored } = await storedAt(worker, entry.uid, messages);
      await worker.stop();
      await options.verify(worker.archive, messages);
      return [[puller, stored - worker.startedAt]];
    }
    case 'mbsync-fsync':
    case 'mbsync': {
      const { ms, messages: pulled } = await pullWithMbsync({
        host: dovecot.host,
        port: dovecot.imapsPort,
        user: options.user,
        password: options.password,
        certificate: dovecot.certificate,
        fsync: puller === 'mbsync-fsync',
      });
      if (pulled !== messages) throw new Error(`mbsync brought ${pulled} of ${messages} messages`);
      return [[puller, ms]];
    }
  }
}

/** When the folder was open and when the last of so many messages was stored, by the worker's own facts, in ms since 1970. */
async function storedAt(
  worker: MailholdWorker,
  uid: string,
  messages: number,
): Promise<{ selected: number; stored: number }> {
  const find = ({ connections }: StatusAnswer): ConnectionFacts | undefined =>
    connections.find((one) => one.uid === uid);
  const facts = find(await worker.until((answer) => find(answer)?.counts.stored === messages, PULL_MS));
  return { selected: Date.parse(facts?.attempt?.endedAt ?? ''), stored: Date.parse(facts?.lastStoredAt ?? '') };
}

function group(): Omit<PollerGroup, 'archive'> {
  return {
    version: 1,
    role: 'poller',
    shard: { index: 0, count: 1 },
    revision: 'bench',
    gateway: { namespace: 'mailhold', name: 'bench' },
    bytesInFlight: 32 * 1024 * 1024,
    egress: { deny: [], allow: ['127.0.0.0/8', '::1/128'] },
  };
}

function connection({ dovecot, password }: ImapOptions, user: string): PollerConnection {
  return {
    uid: user,
    namespace: 'bench',
    name: user,
    generation: 1,
    revision: user,
    state: 'Enabled',
    method: 'IMAP',
    host: dovecot.host,
    port: dovecot.imapsPort,
    security: 'TLS',
    minimumTLS: 'TLSv1.2',
    caBundle: dovecot.certificate,
    user,
    password,
    folder: 'INBOX',
    afterArchive: 'Keep',
    pollIntervalMs: 3_600_000,
    maxSessions: 2,
  };
}
