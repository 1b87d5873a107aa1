import { join } from 'node:path';
import { requirements, startCluster } from './cluster.ts';
import { DESCRIPTION_FILE } from './description.ts';

/**
 * Starts one cluster for all tests that are run from here on, with a node where that can be, and builds its programs where
 * they are missing. Where no cluster can run, or one runs already, nothing is started; tests then say why they are left out.
 */
export async function clusterForAll(): Promise<AsyncDisposable | undefined> {
  if (process.env.MAILHOLD_TEST_CLUSTER || (await requirements({ node: false })) !== undefined) return undefined;
  const node = (await requirements({ node: true })) === undefined;
  const cluster = await startCluster({ node });
  process.env.MAILHOLD_TEST_CLUSTER = join(cluster.folder, DESCRIPTION_FILE);
  return {
    [Symbol.asyncDispose]: async () => {
      delete process.env.MAILHOLD_TEST_CLUSTER;
      await cluster[Symbol.asyncDispose]();
    },
  };
}
