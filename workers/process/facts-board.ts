import type { Clock } from './clock.ts';
import { timestamp } from './clock.ts';
import type {
  Attempt,
  ConnectionEntry,
  ConnectionFacts,
  Counts,
  GroupFacts,
  Refusal,
  SourceFacts,
  StatusAnswer,
} from './contract.ts';

/** Kinds of refusal that are told apart per connection; replies are a short fixed table, so this is never reached. */
const REFUSAL_KINDS = 32;

/** Where the code of one connection writes down what happened. Its methods are cheap enough for the hot path. */
export interface ConnectionBoard {
  /** Counters may be raised in place, followed by `counted()`. */
  readonly counts: Counts;
  readonly facts: Readonly<ConnectionFacts>;
  /** A finished attempt. Keeps `failingSince` over an unbroken run of failures. */
  attempted(attempt: Attempt): void;
  /** One message is durable. */
  stored(bytes: number): void;
  refused(reply: string, peer: string): void;
  sourceSeen(source: SourceFacts): void;
  counted(): void;
}

/**
 * The facts of a worker process, with the change counter of `GET /status`. What can alter a verdict wakes whoever waits;
 * counters only mark their connection, and ride along with the next answer.
 */
export interface FactsBoard {
  readonly epoch: string;
  readonly group: Readonly<GroupFacts>;
  /** Sets group facts. Wakes where the value of `revision` or `ready` is new, and at the first of `hiddenPeers`. */
  updateGroup(facts: Partial<Omit<GroupFacts, 'faultSince' | 'fault'>>): void;
  /** Sets or clears the group's fault, keeping the time at which the present one began. */
  setFault(fault: GroupFacts['fault']): void;
  /** The entry is served from now on. A new revision forgets the attempt, which was made with another. */
  serve(entry: ConnectionEntry): ConnectionBoard;
  get(uid: string): ConnectionBoard | undefined;
  remove(uid: string): void;
  answer(epoch: string | undefined, since: number): StatusAnswer;
  /** Resolves at the next change that can alter a verdict, at the latest after `ms`. At once if one came after `since`. */
  changed(epoch: string | undefined, since: number, ms: number, signal: AbortSignal): Promise<void>;
}

interface Row {
  facts: ConnectionFacts;
  change: number;
  dirty: boolean;
}

/** @param epoch the process's writer id */
export function createFactsBoard(epoch: string, group: GroupFacts, clock: Clock): FactsBoard {
  const rows = new Map<string, Row>();
  const boards = new Map<string, ConnectionBoard>();
  const removed = new Set<string>();
  const waiting = new Set<() => void>();
  let change = 1;

  const wake = (): void => {
    change += 1;
    for (const resolve of waiting) resolve();
    waiting.clear();
  };
  const touch = (row: Row): void => {
    wake();
    row.change = change;
    row.dirty = false;
  };

  const boardOf = (row: Row): ConnectionBoard => ({
    counts: row.facts.counts,
    facts: row.facts,
    attempted: (attempt) => {
      const { facts } = row;
      // It began before the present configuration was served, and says nothing of it.
      if (attempt.revision !== facts.revision) return;
      if (attempt.fault === undefined) delete facts.failingSince;
      else facts.failingSince ??= attempt.startedAt;
      facts.attempt = attempt;
      touch(row);
    },
    stored: (bytes) => {
      const { facts } = row;
      facts.counts.stored += 1;
      facts.counts.storedBytes += bytes;
      const first = facts.lastStoredAt === undefined;
      facts.lastStoredAt = timestamp(clock);
      if (first) touch(row);
      else row.dirty = true;
    },
    refused: (reply, peer) => {
      row.dirty = true;
      noteRefusal(row.facts.refusals, reply, peer, timestamp(clock));
    },
    sourceSeen: (source) => {
      const before = row.facts.source?.waiting ?? 0;
      row.facts.source = source;
      if (before > 0 !== source.waiting > 0) touch(row);
      else row.dirty = true;
    },
    counted: () => {
      row.dirty = true;
    },
  });

  return {
    epoch,
    group,
    updateGroup: (facts) => {
      const wakes =
        ('ready' in facts && facts.ready !== group.ready) ||
        ('revision' in facts && facts.revision !== group.revision) ||
        ('hiddenPeers' in facts && group.hiddenPeers === undefined);
      Object.assign(group, facts);
      if (wakes) wake();
    },
    setFault: (fault) => {
      if (fault?.code === group.fault?.code && fault?.message === group.fault?.message) return;
      if (fault === undefined) {
        delete group.fault;
        delete group.faultSince;
      } else {
        group.faultSince = group.fault?.code === fault.code && group.faultSince ? group.faultSince : timestamp(clock);
        group.fault = fault;
      }
      wake();
    },
    serve: (entry) => {
      removed.delete(entry.uid);
      const known = rows.get(entry.uid);
      const row: Row = known ?? { facts: emptyFacts(entry), change: 0, dirty: false };
      const board = boards.get(entry.uid) ?? boardOf(row);
      if (known?.facts.revision === entry.revision) return board;
      row.facts.revision = entry.revision;
      delete row.facts.attempt;
      delete row.facts.failingSince;
      rows.set(entry.uid, row);
      boards.set(entry.uid, board);
      touch(row);
      return board;
    },
    get: (uid) => boards.get(uid),
    remove: (uid) => {
      if (!rows.delete(uid)) return;
      boards.delete(uid);
      removed.add(uid);
      wake();
    },
    answer: (asked, since) => {
      const complete = asked !== epoch;
      const marked = [...rows.values()].filter((row) => row.dirty);
      if (marked.length > 0) change += 1;
      for (const row of marked) {
        row.change = change;
        row.dirty = false;
      }
      const shown = [...rows.values()].filter((row) => complete || row.change > since);
      return {
        version: 1,
        epoch,
        change,
        complete,
        group,
        connections: shown.map((row) => row.facts),
        removed: [...removed],
      };
    },
    changed: (asked, since, ms, signal) => {
      if (asked !== epoch || change > since || signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          waiting.delete(done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        signal.addEventListener('abort', done, { once: true });
        waiting.add(done);
      });
    },
  };
}

function emptyFacts({ uid, namespace, name, revision }: ConnectionEntry): ConnectionFacts {
  return {
    uid,
    namespace,
    name,
    revision,
    counts: { begun: 0, stored: 0, storedBytes: 0, deferred: 0, rejected: 0, cut: 0, deleted: 0 },
    refusals: [],
  };
}

function noteRefusal(refusals: Refusal[], reply: string, peer: string, at: string): void {
  const known = refusals.find((refusal) => refusal.reply === reply);
  if (known) {
    known.count += 1;
    known.lastAt = at;
    known.lastPeer = peer;
  } else if (refusals.length < REFUSAL_KINDS) {
    refusals.push({ reply, count: 1, lastAt: at, lastPeer: peer });
  }
}
