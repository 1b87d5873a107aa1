import { type Verdict, verdictOf } from '../api/conditions.ts';
import { backlogWords } from './backlog.ts';
import {
  currentAttempt,
  disabledVerdict,
  failureOf,
  failureWords,
  isDisabled,
  isServed,
  type Situation,
} from './situation.ts';
import { firstVerdict } from './verdict.ts';
import { crashVerdict, groupFaultVerdict, silenceVerdict } from './worker-verdict.ts';

/**
 * The green light: True where every worker concerned serves the configuration, a new session passed every stage, and
 * Archiving is not False.
 */
export function readyVerdict(situation: Situation, archiving: Verdict): Verdict {
  const { worker, now } = situation;
  return (
    firstVerdict([
      () => situation.blocked, // the manifest can work at all
      () => (isDisabled(situation) ? undefined : situation.credential), // its password can be used
      () => crashVerdict(worker, now), // the worker runs
      () => silenceVerdict(worker, now), // the worker answers
      () => (isDisabled(situation) ? undefined : groupFaultVerdict(worker, now)), // the worker can do its work
      () => notServed(situation), // the worker does it with this configuration
      () => disabledAsAsked(situation), // and that is: nothing
      () => notTested(situation), // a new session was tried since the last change
      () => failedForGood(situation), // no failure that a person must mend
      () => failedForLong(situation), // no failure that has lasted
      () => failedForNow(situation), // no failure that may pass
      () => notArchiving(archiving), // mail really reaches the archive
    ]) ?? working(situation, archiving)
  );
}

function notServed(situation: Situation): Verdict | undefined {
  if (isServed(situation)) return undefined;
  return verdictOf('Unknown', 'Progressing', 'The worker takes up the change; a test follows.');
}

function disabledAsAsked(situation: Situation): Verdict | undefined {
  if (!isDisabled(situation)) return undefined;
  return disabledVerdict('True', 'Disabled, as asked: no mail is taken.');
}

function notTested(situation: Situation): Verdict | undefined {
  if (currentAttempt(situation) !== undefined) return undefined;
  return verdictOf('Unknown', 'Progressing', 'The change is served and is being tested.');
}

function failedForGood(situation: Situation): Verdict | undefined {
  return failed(situation, 'permanent');
}

function failedForLong(situation: Situation): Verdict | undefined {
  return failed(situation, 'lasting');
}

function failed(situation: Situation, kind: 'permanent' | 'lasting'): Verdict | undefined {
  const failure = failureOf(situation);
  if (failure?.kind !== kind) return undefined;
  const { facts, now } = situation;
  const words = [failureWords(failure, now), backlogWords(facts?.source, now)];
  return verdictOf('False', failure.fault.code, words.filter((word) => word !== undefined).join(' '));
}

function failedForNow(situation: Situation): Verdict | undefined {
  const failure = failureOf(situation);
  if (failure === undefined) return undefined;
  return verdictOf('Unknown', 'ProgressingWithRetry', `${failureWords(failure, situation.now)} It is tried again.`);
}

function notArchiving(archiving: Verdict): Verdict | undefined {
  return archiving.status === 'False' ? archiving : undefined;
}

function working({ address, certificateNote, connection }: Situation, archiving: Verdict): Verdict {
  const awaiting = archiving.reason === 'AwaitingFirstMessage' && address !== undefined;
  const words = [
    awaiting
      ? `${address} is the address for the journal rule; no message has come yet.`
      : connection.spec.method === 'SMTP'
        ? 'Mail is taken and kept.'
        : 'The mailbox is read and kept.',
    certificateNote,
  ];
  return verdictOf('True', 'Succeeded', words.filter((word) => word !== undefined).join(' '));
}
