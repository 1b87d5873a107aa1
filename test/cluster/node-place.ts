import { setTimeout as pause } from 'node:timers/promises';
import type { Place } from '../peers/place.ts';
import type { ClusterWithNode } from './cluster.ts';

const FIRST_PORT = 20_000;
let taken = 0;

/**
 * A place in the node's network, which pods reach.
 *
 * @param address of 203.0.113.0/24; one for each server, so that its ports are free
 */
export function nodePlace(cluster: ClusterWithNode, address: string): Place {
  return {
    address,
    spawn: cluster.spawn,
    freePort: async () => {
      taken += 1;
      return FIRST_PORT + taken;
    },
    untilListening: async (port, ms, ended) => {
      const deadline = performance.now() + ms;
      for (;;) {
        const { code } = await cluster.run('bash', ['-c', `exec 3<>/dev/tcp/${address}/${port}`]);
        if (code === 0) return;
        if (ended() || performance.now() > deadline) throw new Error(`nothing listens on ${address}:${port}`);
        await pause(20);
      }
    },
  };
}
