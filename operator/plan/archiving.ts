import { findCondition, type Verdict, verdictOf } from '../api/conditions.ts';
import { isReason, type Reason } from '../api/reasons.ts';
import { backlogWords, isStuck } from './backlog.ts';
import {
  currentAttempt,
  disabledVerdict,
  type Failure,
  failureOf,
  failureWords,
  isDisabled,
  isServed,
  type Situation,
} from './situation.ts';
import { firstVerdict } from './verdict.ts';
import { clockTime } from './words.ts';
import { crashVerdict, groupFaultVerdict, silenceVerdict } from './worker-verdict.ts';

/** Causes that are asked for before the facts are: they would have shown if they still held. */
const GONE_WITH_A_CHANGE: ReadonlySet<Reason> = new Set<Reason>([
  'AddressKeyChanged',
  'AmbiguousGateway',
  'ArchiveFull',
  'ArchiveNotWritable',
  'Disabled',
  'InvalidSpec',
  'ListenFailed',
  'NamespaceNotAllowed',
  'NoArchive',
  'NoGateway',
  'QuotaExceeded',
  'ResourceConflict',
  'WorkerCrashLooping',
  'WorkerUnreachable',
]);

/** Whether the mail that the source holds or sends really reaches the archive. */
export function archivingVerdict(situation: Situation): Verdict {
  const { worker, now } = situation;
  return (
    firstVerdict([
      () => (isDisabled(situation) ? disabledVerdict('False', 'Disabled, as asked: no mail is taken.') : undefined),
      () => notServedAtAll(situation), // somebody is there to take it
      () => crashVerdict(worker, now),
      () => silentWorker(situation),
      () => groupFaultVerdict(worker, now), // and can write it
      () => noPassword(situation),
      () => whileChanging(situation), // nothing new is known
      () => whileFailing(situation), // what the facts say although tests fail
      () => stuck(situation),
    ]) ?? byTheFacts(situation)
  );
}

function notServedAtAll(situation: Situation): Verdict | undefined {
  return situation.blocked?.reason === 'Progressing' ? asBefore(situation) : situation.blocked;
}

function silentWorker(situation: Situation): Verdict | undefined {
  const silence = silenceVerdict(situation.worker, situation.now);
  return silence?.reason === 'Progressing' ? asBefore(situation) : silence;
}

function noPassword(situation: Situation): Verdict | undefined {
  const { credential, now } = situation;
  return credential && withoutAccess(situation, credential.reason, credential.message, now);
}

function whileChanging(situation: Situation): Verdict | undefined {
  if (isServed(situation) && currentAttempt(situation) !== undefined) return undefined;
  return asBefore(situation);
}

function whileFailing(situation: Situation): Verdict | undefined {
  const failure = failureOf(situation);
  if (failure === undefined) return undefined;
  if (failure.kind === 'passing') return asBefore(situation);
  if (situation.connection.spec.method === 'SMTP') return receivingAllTheSame(situation, failure);
  return withoutAccess(situation, failure.fault.code, failureWords(failure, situation.now), failure.since);
}

/** Mail that came after the tests began to fail proves more than they do. */
function receivingAllTheSame({ lastStoredAt, now }: Situation, failure: Failure): Verdict | undefined {
  if (lastStoredAt !== undefined && Date.parse(lastStoredAt) > failure.since) return undefined;
  return verdictOf(
    'Unknown',
    failure.fault.code,
    `${failureWords(failure, now)} No message has come since; senders may be waiting.`,
  );
}

/** A mailbox that cannot be opened: what was seen waiting is not in the archive; what came since is not known. */
function withoutAccess({ facts, now }: Situation, reason: Verdict['reason'], words: string, since: number): Verdict {
  const waiting = backlogWords(facts?.source, now);
  if (waiting !== undefined) return verdictOf('False', reason, `${words} ${waiting}`);
  const from = since === now ? '' : ` since ${clockTime(since, now)}`;
  return verdictOf('Unknown', reason, `${words} What came to the mailbox${from} is not known.`);
}

function stuck({ connection, facts, lastStoredAt, now }: Situation): Verdict | undefined {
  const source = facts?.source;
  if (source === undefined || !isStuck(connection, source, lastStoredAt, now)) return undefined;
  return verdictOf(
    'False',
    'BacklogGrowing',
    `Every test passes, but no message reaches the archive. ${backlogWords(source, now) ?? ''}`.trim(),
  );
}

function byTheFacts(situation: Situation): Verdict {
  const { connection, facts, lastStoredAt } = situation;
  if (connection.spec.method === 'IMAP') {
    if (facts?.source === undefined) return asBefore(situation);
    return verdictOf('True', 'Succeeded', 'What the folder holds is in the archive or on its way.');
  }
  if (lastStoredAt === undefined) return awaitingFirst();
  const refused = (facts?.refusals ?? []).some(({ lastAt }) => Date.parse(lastAt) > Date.parse(lastStoredAt));
  const message = 'Messages come and are kept.';
  return verdictOf(
    'True',
    'Succeeded',
    refused ? `${message} Some were refused since the last one: see refusals.` : message,
  );
}

/** The light as it was, unless its cause is gone with the change; where there was none, nothing is known yet. */
function asBefore({ connection }: Situation): Verdict {
  const before = findCondition(connection.status?.conditions, 'Archiving');
  if (before === undefined || !isReason(before.reason) || GONE_WITH_A_CHANGE.has(before.reason)) {
    return connection.spec.method === 'SMTP' ? afterNothing(connection.status?.lastStoredTime) : notLookedYet();
  }
  return { status: before.status, reason: before.reason, message: before.message };
}

function afterNothing(lastStoredAt: string | undefined): Verdict {
  return lastStoredAt === undefined
    ? awaitingFirst()
    : verdictOf('Unknown', 'Progressing', 'No message has come since the last change.');
}

function awaitingFirst(): Verdict {
  return verdictOf('Unknown', 'AwaitingFirstMessage', 'No message has come yet.');
}

function notLookedYet(): Verdict {
  return verdictOf('Unknown', 'Progressing', 'No look at the mailbox has finished yet.');
}
