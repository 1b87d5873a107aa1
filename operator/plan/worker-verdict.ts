import { type Verdict, verdictOf } from '../api/conditions.ts';
import { SILENCE_MS, type WorkerReport } from './inputs.ts';
import { firstVerdict } from './verdict.ts';
import { clockTime, sentence, unended } from './words.ts';

/**
 * What a group of workers keeps from being ready, if anything.
 *
 * @param revision of the group's configuration that is to be served; absent where there is none yet
 * @param now ms since 1970
 */
export function workerVerdict(
  worker: WorkerReport | undefined,
  revision: string | undefined,
  now: number,
): Verdict | undefined {
  return firstVerdict([
    () => crashVerdict(worker, now), // it runs
    () => silenceVerdict(worker, now), // it answers
    () => groupFaultVerdict(worker, now), // it can do its work
    () => groupServedVerdict(worker, revision), // it does it with this configuration
  ]);
}

export function crashVerdict(worker: WorkerReport | undefined, now: number): Verdict | undefined {
  if (worker?.crash === undefined) return undefined;
  const { since, message } = worker.crash;
  return verdictOf(
    'False',
    'WorkerCrashLooping',
    `The worker ends again and again (since ${clockTime(since, now)}): ${sentence(message)}`,
  );
}

/** Unknown where the worker has never answered, or not for three minutes. */
export function silenceVerdict(worker: WorkerReport | undefined, now: number): Verdict | undefined {
  if (worker?.answeredAt === undefined) {
    return verdictOf('Unknown', 'Progressing', 'The worker is starting.');
  }
  if (now - worker.answeredAt < SILENCE_MS) return undefined;
  return verdictOf(
    'Unknown',
    'WorkerUnreachable',
    `The worker has not answered since ${clockTime(worker.answeredAt, now)}, so nothing is known.`,
  );
}

/** What keeps the whole group from working, in its own words, at once. */
export function groupFaultVerdict(worker: WorkerReport | undefined, now: number): Verdict | undefined {
  const fault = worker?.group?.fault;
  if (fault === undefined) return undefined;
  const since = worker?.group?.faultSince;
  const message =
    since === undefined
      ? sentence(fault.message)
      : `${unended(fault.message)} (since ${clockTime(Date.parse(since), now)}).`;
  return verdictOf('False', fault.code, message);
}

function groupServedVerdict(worker: WorkerReport | undefined, revision: string | undefined): Verdict | undefined {
  if (revision !== undefined && worker?.group?.revision === revision && worker.group.ready) return undefined;
  return verdictOf('Unknown', 'Progressing', 'The worker takes up the configuration of the gateway.');
}

/** When the silence of a worker that answers now would be worth a word. */
export function silentSince(worker: WorkerReport | undefined): number | undefined {
  return worker?.answeredAt === undefined ? undefined : worker.answeredAt + SILENCE_MS;
}
