import type { KubeObject } from '../../kube/types.ts';

/** A pod, as far as the operator reads it (core/v1 Pod). */
export interface Pod extends KubeObject {
  status?: {
    phase?: string;
    podIP?: string;
    conditions?: PodCondition[];
    containerStatuses?: ContainerStatus[];
  };
}

export interface PodCondition {
  type: string;
  status: string;
  /** RFC 3339. */
  lastTransitionTime?: string;
}

export interface ContainerStatus {
  restartCount: number;
  state?: {
    waiting?: { reason?: string; message?: string };
    running?: { startedAt?: string };
    terminated?: Terminated;
  };
  lastState?: { terminated?: Terminated };
}

export interface Terminated {
  exitCode: number;
  reason?: string;
  message?: string;
  /** RFC 3339. */
  finishedAt?: string;
}

/** Whether the pod's probe passes and nobody has asked it to end. */
export function isServing(pod: Pod): boolean {
  return !isEnding(pod) && readiness(pod)?.status === 'True';
}

export function isEnding({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** Whether the kubelet still gets ready what the pod is made of: its image, and its volumes with their Secrets. */
export function isBeingMade(pod: Pod): boolean {
  return pod.status?.containerStatuses?.some(({ state }) => state?.waiting?.reason === 'ContainerCreating') ?? false;
}

/** The condition Ready; `lastTransitionTime` says since when it is so. */
export function readiness({ status }: Pod): PodCondition | undefined {
  return status?.conditions?.find(({ type }) => type === 'Ready');
}

/** Where its worker answers; undefined while it does not run. */
export function addressOf({ status }: Pod): string | undefined {
  return status?.phase === 'Running' ? status.podIP : undefined;
}
