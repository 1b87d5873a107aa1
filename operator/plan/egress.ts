/**
 * Ranges that nobody dials unless a gateway allows it: loopback and link-local (metadata services live there), and the
 * unspecified addresses, which reach loopback too.
 */
export const DENIED_RANGES: readonly string[] = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '::/128',
  '::1/128',
  'fe80::/10',
];

/**
 * What a poller may not dial and what it may all the same.
 *
 * @param clusterRanges CIDRs of Services, Nodes and pods; none in standalone
 */
export function egressOf(
  spec: { allow?: string[]; deny?: string[]; clusterRanges?: string[] },
  clusterRanges: readonly string[],
): { deny: string[]; allow: string[] } {
  const deny = new Set([...DENIED_RANGES, ...clusterRanges, ...(spec.clusterRanges ?? []), ...(spec.deny ?? [])]);
  return { deny: [...deny], allow: [...new Set(spec.allow ?? [])] };
}
