import { type Verdict, verdictOf } from '../api/conditions.ts';
import { currentAttempt, disabledVerdict, failureOf, failureWords, isDisabled, type Situation } from './situation.ts';
import { firstVerdict } from './verdict.ts';
import { silenceVerdict } from './worker-verdict.ts';

/** Whether a new session with a freshly read password passed every stage. */
export function testedVerdict(situation: Situation): Verdict {
  return (
    firstVerdict([
      () => blockedTest(situation), // there is something to test
      () => (isDisabled(situation) ? undefined : situation.credential), // with a password
      () => silenceVerdict(situation.worker, situation.now), // the worker can tell
      () => notTested(situation), // since the last change
      () => failedTest(situation), // and passed
    ]) ?? passed(situation)
  );
}

function blockedTest({ blocked }: Situation): Verdict | undefined {
  return blocked === undefined ? undefined : { ...blocked, status: 'Unknown' };
}

function notTested(situation: Situation): Verdict | undefined {
  if (currentAttempt(situation) !== undefined) return undefined;
  if (isDisabled(situation)) return disabledVerdict('Unknown', 'Not tested while Disabled; a test can be asked for.');
  return verdictOf('Unknown', 'Progressing', 'Not tested since the last change.');
}

function failedTest(situation: Situation): Verdict | undefined {
  const failure = failureOf(situation);
  // Where every stage passed, what failed came after them: the archive could not take the mail.
  if (failure === undefined || everyStagePassed(situation)) return undefined;
  const words = failureWords(failure, situation.now);
  const message = failure.stage === undefined ? words : `Stage ${failure.stage}: ${words}`;
  return verdictOf('False', failure.fault.code, message);
}

function everyStagePassed(situation: Situation): boolean {
  const stages = currentAttempt(situation)?.stages ?? [];
  return stages.length > 0 && stages.every(({ ok }) => ok);
}

function passed(situation: Situation): Verdict {
  const stages = (currentAttempt(situation)?.stages ?? []).map(({ stage }) => stage).join(', ');
  const words = [
    `Every stage passed: ${stages}.`,
    isDisabled(situation) ? whileDisabled(situation) : undefined,
    situation.certificateNote,
  ];
  return verdictOf('True', 'Succeeded', words.filter((word) => word !== undefined).join(' '));
}

function whileDisabled({ connection }: Situation): string {
  return connection.spec.method === 'SMTP' ? 'Tested from inside while Disabled.' : 'Tested while Disabled.';
}
