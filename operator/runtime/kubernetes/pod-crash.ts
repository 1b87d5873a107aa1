import type { WorkerReport } from '../../plan/inputs.ts';
import { type ContainerStatus, isReady, type Pod } from './worker-pods.ts';

/**
 * Why the pods of a group do not run, in the words of the worker or of the kubelet; undefined where at least one runs or
 * nothing is known to be wrong.
 */
export function podCrash(pods: readonly Pod[]): WorkerReport['crash'] {
  const present = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const reasons = present.map(crashOf);
  if (reasons.length === 0 || reasons.includes(undefined)) return undefined;
  return reasons[0];
}

function crashOf({ metadata, status = {} }: Omit<Pod, 'apiVersion' | 'kind'>): WorkerReport['crash'] {
  for (const container of status?.containerStatuses ?? []) {
    // Between two ends it runs for a moment; that is no reason to say that all is well.
    const again = container.restartCount >= 2 && !isReady({ status });
    const words = wordsOf(container) ?? (again ? lastWords(container) : undefined);
    if (words === undefined) continue;
    const at = Date.parse(container.lastState?.terminated?.finishedAt ?? metadata.creationTimestamp ?? '');
    return { since: Number.isNaN(at) ? 0 : at, message: words };
  }
  return undefined;
}

function lastWords({ lastState }: Pick<ContainerStatus, 'lastState'>): string | undefined {
  const end = lastState?.terminated;
  if (end === undefined) return undefined;
  const own = end.message?.trim();
  return own === undefined || own === '' ? `it ended with code ${end.exitCode} (${end.reason ?? 'Error'})` : own;
}

function wordsOf({ state, lastState }: ContainerStatus): string | undefined {
  const waiting = state?.waiting;
  switch (waiting?.reason) {
    case 'CrashLoopBackOff':
      return lastWords({ ...(lastState && { lastState }) }) ?? 'the kubelet gave no reason';
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
