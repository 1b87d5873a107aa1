import type { ConnectionFacts, Counts, GroupFacts, Refusal } from '../../workers/process/contract.ts';
import { canonicalJSON } from './revision.ts';

/** As many as one process tells (workers/process/contract.ts). */
const HANDSHAKES = 16;
/** Stands for a process that serves nothing, in a revision that none is served of. */
const NOTHING = 'none';

/**
 * What the ready pods of one group know of one connection, as if one process told it. Where they do not all serve the
 * same revision, the result names all of them, which is the revision of no entry: so nobody takes it for served.
 *
 * @param told one for each pod, in any order; undefined of a pod that does not serve the connection
 * @returns undefined where no pod does
 */
export function mergeConnectionFacts(told: readonly (ConnectionFacts | undefined)[]): ConnectionFacts | undefined {
  const list = told.filter((facts) => facts !== undefined);
  const [first] = list;
  if (first === undefined || told.length === 1) return first;
  const attempts = list.flatMap(({ attempt }) => attempt ?? []);
  const failed = attempts.filter(({ fault }) => fault !== undefined);
  // A test that fails on one of several receivers is what a sender meets there.
  const attempt = newest(failed.length > 0 ? failed : attempts, ({ endedAt }) => endedAt);
  const failing = list
    .filter((facts) => facts.attempt?.fault !== undefined)
    .flatMap((facts) => facts.failingSince ?? []);
  const failingSince = oldest(failing, (since) => since);
  const lastStoredAt = newest(
    list.flatMap((facts) => facts.lastStoredAt ?? []),
    (at) => at,
  );
  const source = newest(
    list.flatMap((facts) => facts.source ?? []),
    ({ at }) => at,
  );
  return {
    namespace: first.namespace,
    name: first.name,
    uid: first.uid,
    revision: commonRevision(told.map((facts) => facts?.revision)) ?? NOTHING,
    ...(attempt !== undefined && { attempt }),
    ...(failingSince !== undefined && { failingSince }),
    ...(lastStoredAt !== undefined && { lastStoredAt }),
    counts: list.map(({ counts }) => counts).reduce(sumOfCounts),
    refusals: mergeRefusals(list.flatMap(({ refusals }) => refusals)),
    ...(source !== undefined && { source }),
  };
}

/**
 * What the ready pods of one group tell of themselves, as if one process told it: ready where all are, at fault where
 * any is, with the least free space that any sees.
 *
 * @returns undefined where there is none
 */
export function mergeGroupFacts(list: readonly GroupFacts[]): GroupFacts | undefined {
  const [first] = list;
  if (first === undefined || list.length === 1) return first;
  const faulty = oldest(
    list.filter(({ fault }) => fault !== undefined),
    ({ faultSince }) => faultSince ?? '',
  );
  const archives = list.map(({ archive }) => archive);
  const id = oldest(
    archives.flatMap((archive) => archive.id ?? []),
    (text) => text,
  );
  const free = archives.flatMap(({ freeBytes }) => freeBytes ?? []);
  const lastCommitAt = newest(
    archives.flatMap((archive) => archive.lastCommitAt ?? []),
    (at) => at,
  );
  const revision = commonRevision(list.map((facts) => facts.revision));
  const hiddenPeers = mergePeers(list.flatMap((facts) => facts.hiddenPeers ?? []));
  return {
    gateway: first.gateway,
    role: first.role,
    software: [...new Set(list.map(({ software }) => software))].sort().join(' '),
    startedAt: oldest(list, ({ startedAt }) => startedAt)?.startedAt ?? first.startedAt,
    ...(revision !== undefined && { revision }),
    ready: list.every(({ ready }) => ready),
    ...(faulty?.fault !== undefined && { fault: faulty.fault }),
    ...(faulty?.faultSince !== undefined && { faultSince: faulty.faultSince }),
    archive: {
      ...(id !== undefined && { id }),
      ...(free.length > 0 && { freeBytes: Math.min(...free) }),
      ...(lastCommitAt !== undefined && { lastCommitAt }),
    },
    unknownRecipients: mergePeers(list.map((facts) => facts.unknownRecipients)) ?? { count: 0 },
    failedHandshakes: mergeHandshakes(list.flatMap((facts) => facts.failedHandshakes)),
    ...(hiddenPeers !== undefined && { hiddenPeers }),
  };
}

/** The revision that all serve, or all of them in one text; undefined where nobody serves any. */
function commonRevision(revisions: readonly (string | undefined)[]): string | undefined {
  const different = new Set(revisions);
  if (different.size === 1) return revisions[0];
  return [...different]
    .map((revision) => revision ?? NOTHING)
    .sort()
    .join('+');
}

function sumOfCounts(a: Counts, b: Counts): Counts {
  return {
    begun: a.begun + b.begun,
    stored: a.stored + b.stored,
    storedBytes: a.storedBytes + b.storedBytes,
    deferred: a.deferred + b.deferred,
    rejected: a.rejected + b.rejected,
    cut: a.cut + b.cut,
    deleted: a.deleted + b.deleted,
  };
}

function mergeRefusals(refusals: readonly Refusal[]): Refusal[] {
  return [...Map.groupBy(refusals, ({ reply }) => reply)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, alike]) => {
      const last = newest(alike, ({ lastAt }) => lastAt);
      return last === undefined ? [] : [{ ...last, count: sum(alike) }];
    });
}

function mergePeers<T extends { count: number; lastAt?: string }>(list: readonly T[]): T | undefined {
  const last = newest(list, ({ lastAt }) => lastAt ?? '');
  return last && { ...last, count: sum(list) };
}

function mergeHandshakes(list: GroupFacts['failedHandshakes']): GroupFacts['failedHandshakes'] {
  return [...Map.groupBy(list, ({ peer }) => peer).values()]
    .flatMap((alike) => mergePeers(alike) ?? [])
    .sort((a, b) => later(b, a, ({ lastAt }) => lastAt))
    .slice(0, HANDSHAKES);
}

function sum(list: readonly { count: number }[]): number {
  return list.reduce((total, { count }) => total + count, 0);
}

function newest<T>(list: readonly T[], at: (item: T) => string): T | undefined {
  return list.toSorted((a, b) => later(b, a, at))[0];
}

function oldest<T>(list: readonly T[], at: (item: T) => string): T | undefined {
  return list.toSorted((a, b) => later(a, b, at))[0];
}

/** Order by time (RFC 3339 in UTC sorts as text); of the same time by all they say, so that the order given never matters. */
function later<T>(a: T, b: T, at: (item: T) => string): number {
  return compare(at(a), at(b)) || compare(canonicalJSON(a), canonicalJSON(b));
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
