import type { WorkerReport } from '../../plan/inputs.ts';
import { type ContainerStatus, isEnding, isServing, type Pod, readiness } from './pod.ts';

/** A container that ran so long is sound: the kubelet starts its back-off anew. https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy */
const SOUND_MS = 600_000;
/** One end may have been an eviction or an upgrade. */
const RESTARTS = 2;

/**
 * Why the pods of a group do not run, in the words of the worker or of the kubelet; undefined where at least one runs or
 * nothing is known to be wrong.
 *
 * @param now ms since 1970
 */
export function podCrash(pods: readonly Pod[], now: number): WorkerReport['crash'] {
  const reasons = pods.filter((pod) => !isEnding(pod)).map((pod) => crashOf(pod, now));
  return reasons.includes(undefined) ? undefined : reasons[0];
}

function crashOf(pod: Pod, now: number): WorkerReport['crash'] {
  for (const container of pod.status?.containerStatuses ?? []) {
    const message = wordsOf(container) ?? (isBetweenTwoEnds(pod, container, now) ? lastWords(container) : undefined);
    if (message !== undefined) return { since: brokenSince(pod, container, now), message };
  }
  return undefined;
}

/** A container that ends again and again runs for a moment in between; that is no reason to say that all is well. */
function isBetweenTwoEnds(pod: Pod, { restartCount, state }: ContainerStatus, now: number): boolean {
  if (restartCount < RESTARTS || isServing(pod)) return false;
  const startedAt = Date.parse(state?.running?.startedAt ?? '');
  return Number.isNaN(startedAt) || now - startedAt < SOUND_MS;
}

/** Steady while it goes on: the time of the last end would be another one after each. */
function brokenSince(pod: Pod, { lastState }: ContainerStatus, now: number): number {
  const texts = [readiness(pod)?.lastTransitionTime, lastState?.terminated?.finishedAt, pod.metadata.creationTimestamp];
  return texts.map((text) => Date.parse(text ?? '')).find((at) => !Number.isNaN(at)) ?? now;
}

function lastWords({ lastState }: ContainerStatus): string | undefined {
  const end = lastState?.terminated;
  if (end === undefined) return undefined;
  const own = end.message?.trim();
  return own === undefined || own === '' ? `it ended with code ${end.exitCode} (${end.reason ?? 'Error'})` : own;
}

function wordsOf(container: ContainerStatus): string | undefined {
  const waiting = container.state?.waiting;
  switch (waiting?.reason) {
    case 'CrashLoopBackOff':
      return lastWords(container) ?? 'the kubelet gave no reason';
    case 'ImagePullBackOff':
    case 'ErrImagePull':
    case 'ErrImageNeverPull':
    case 'InvalidImageName':
    case 'CreateContainerConfigError':
    case 'CreateContainerError':
    case 'RunContainerError':
      return `${waiting.reason}: ${waiting.message ?? 'the kubelet gave no reason'}`;
    default:
      return undefined;
  }
}
