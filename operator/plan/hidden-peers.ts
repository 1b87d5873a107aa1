import type { WorkerReport } from './inputs.ts';

/** So long after the last one the cause counts as mended: a receiver counts for its whole life, and is not restarted. */
const REMEMBERED_MS = 24 * 3_600_000;

/** Words on senders whose address the cluster hides, and until when they hold, in ms since 1970. */
export function hiddenPeers(
  receiver: WorkerReport | undefined,
  now: number,
): { words: string; until: number } | undefined {
  const hidden = receiver?.group?.hiddenPeers;
  if (hidden === undefined || hidden.count === 0) return undefined;
  const until = Date.parse(hidden.lastAt) + REMEMBERED_MS;
  if (until <= now) return undefined;
  // In quotes, which keeps the words while one node's address follows another's.
  const words = `Senders come from addresses of the cluster such as "${hidden.lastPeer}", so senderRanges cannot tell who sends. Write externalTrafficPolicy: Local in spec.receiver.service, or have what leads mail here keep the address of the sender.`;
  return { words, until };
}
