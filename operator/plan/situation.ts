import type { Attempt, ConnectionEntry, ConnectionFacts, Fault } from '../../workers/process/contract.ts';
import type { ArchiveConnection } from '../api/archive-connection.ts';
import { type Verdict, verdictOf } from '../api/conditions.ts';
import { parseDuration } from '../api/duration.ts';
import type { WorkerReport } from './inputs.ts';
import { clockTime, sentence, unended } from './words.ts';

/** A failing SMTP test is repeated this often. */
const SMTP_INTERVAL_MS = 60_000;
/** So many intervals a failure that may pass by itself is only a retry. */
const PATIENCE_INTERVALS = 3;

/** All that the lights of one connection are computed from. */
export interface Situation {
  connection: ArchiveConnection;
  /** What is wrong before any worker is asked: the spec, the gateway, a conflict, the quota. */
  blocked?: Verdict;
  /** What is wrong with its password. */
  credential?: Verdict;
  entry?: ConnectionEntry;
  /** The journal address (SMTP). */
  address?: string;
  worker?: WorkerReport;
  /** Revision of the group's configuration that is to be served. */
  groupRevision?: string;
  facts?: ConnectionFacts;
  /** Words on a certificate that senders will not trust. */
  certificateNote?: string;
  /** RFC 3339: the last message ever stored, as far as is known. */
  lastStoredAt?: string;
  /** ms since 1970. */
  now: number;
}

export function intervalOf({ spec }: ArchiveConnection): number {
  return spec.imap === undefined ? SMTP_INTERVAL_MS : (parseDuration(spec.imap.pollInterval) ?? SMTP_INTERVAL_MS);
}

export function patienceOf(connection: ArchiveConnection): number {
  return PATIENCE_INTERVALS * intervalOf(connection);
}

/** The newest attempt, where it was made with the configuration that is to be served. */
export function currentAttempt({ entry, facts }: Situation): Attempt | undefined {
  return entry !== undefined && facts?.attempt?.revision === entry.revision ? facts.attempt : undefined;
}

/** How an attempt with the present configuration failed; `for`: a person has to act, it lasts, or it may pass. */
export type Failure = { fault: Fault; stage?: string; since: number; kind: 'permanent' | 'lasting' | 'passing' };

export function failureOf(situation: Situation): Failure | undefined {
  const attempt = currentAttempt(situation);
  if (attempt?.fault === undefined) return undefined;
  const since = Date.parse(situation.facts?.failingSince ?? attempt.endedAt);
  const stage = attempt.stages.find((result) => !result.ok)?.stage;
  const lasting = situation.now - since > patienceOf(situation.connection);
  return {
    fault: attempt.fault,
    ...(stage !== undefined && { stage }),
    since,
    kind: attempt.fault.retry === 'never' ? 'permanent' : lasting ? 'lasting' : 'passing',
  };
}

/** `imap.contoso.com refused the login: "NO ..." (since 14:02 UTC).` */
export function failureWords({ fault, since }: Failure, now: number): string {
  const { serverText } = fault;
  const words =
    serverText === undefined || fault.message.includes(serverText)
      ? unended(fault.message)
      : `${unended(fault.message)}: "${serverText}"`;
  return sentence(`${words} (since ${clockTime(since, now)})`);
}

/** Whether the worker serves exactly the configuration that was planned. A Disabled connection asks nothing else of it. */
export function isServed(situation: Situation): boolean {
  const { entry, facts, worker, groupRevision } = situation;
  if (entry === undefined || facts?.revision !== entry.revision) return false;
  if (groupRevision === undefined || worker?.group?.revision !== groupRevision) return false;
  return worker.group.ready || isDisabled(situation);
}

export function isDisabled({ connection }: Situation): boolean {
  return connection.spec.state === 'Disabled';
}

export function disabledVerdict(status: Verdict['status'], message: string): Verdict {
  return verdictOf(status, 'Disabled', message);
}
