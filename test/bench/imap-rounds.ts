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
  user: string;
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
 * `mailhold`: a poller that runs already gets the connection by its configuration; the time is from writing it to the
 * last message stored, with login and SELECT. `mailhold-pull`: from there on, what is left of each later poll where its
 * session stays. `mailhold-whole`: the start of the process is in it too. `mbsync` is
 * always the whole program, which is small and starts at once.
 */
export async function runImapRounds(options: ImapOptions): Promise<ImapRun[]> {
  const { dovecot, messages, rounds, onRun } = options;
  const runs: ImapRun[] = [];
  const running = await startMailholdWorker<PollerGroup>({ group: group(), entries: [] });
  let stored = 0;
  try {
    // Once unmeasured: Dovecot builds its index, and the poller compiles its code.
    for (let round = -1; round < rounds; round += 1) {
      for (const puller of turned(options.pullers, Math.max(round, 0))) {
        const times = await pull(puller, options, running, round);
        if (puller === 'mailhold') stored += messages;
        if (round === -1) continue;
        for (const [measured, ms] of times) {
          const run = { puller: measured, round, ms, perSecond: (messages / ms) * 1000 };
          runs.push(run);
          onRun(run);
        }
      }
    }
    await running.stop();
    await options.verify(running.archive, stored);
  } finally {
    await running[Symbol.asyncDispose]();
  }
  if ((await dovecot.count(options.user)) !== messages) throw new Error('the mailbox is not what it was');
  return runs;
}

async function pull(
  puller: Puller,
  options: ImapOptions,
  running: MailholdWorker,
  round: number,
): Promise<[Measured, ms: number][]> {
  const { messages, dovecot } = options;
  switch (puller) {
    case 'mailhold': {
      // A new connection each round, since what one has kept it does not pull again.
      const entry = connection(options, `round${round + 1}`);
      const from = Date.now();
      await running.serve([entry]);
      const { selected, stored } = await storedAt(running, entry.uid, messages);
      return [
        [puller, stored - from],
        ['mailhold-pull', stored - selected],
      ];
    }
    case 'mailhold-whole': {
      const entry = connection(options, 'whole');
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
    revision: 'bench',
    gateway: { namespace: 'mailhold', name: 'bench' },
    bytesInFlight: 32 * 1024 * 1024,
    egress: { deny: [], allow: ['127.0.0.0/8', '::1/128'] },
  };
}

function connection({ dovecot, user, password }: ImapOptions, uid: string): PollerConnection {
  return {
    uid,
    namespace: 'bench',
    name: uid,
    generation: 1,
    revision: uid,
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
