/** `make cluster`: a cluster with a node and Mailhold on it, for a person, until Ctrl-C. */
import { once } from 'node:events';
import { join } from 'node:path';
import { requirements, startCluster } from './cluster.ts';
import { DESCRIPTION_FILE } from './description.ts';
import { installedMailhold } from './installed-mailhold.ts';

const NAMESPACE = 'mailhold';

const why = await requirements({ node: true });
if (why === undefined) {
  await using cluster = await startCluster({ node: true });
  console.log('Installing Mailhold ...');
  await (await installedMailhold(cluster, NAMESPACE)).helm('install');
  console.log(`
  export KUBECONFIG=${cluster.kubeconfig}
  alias kubectl=${cluster.programs.kubectl} helm=${cluster.programs.helm}

  Mailhold runs in the namespace ${NAMESPACE}, and gateways may live there; examples/kubernetes has manifests to begin with.
  A shell in its network, where pods and Services are reached:  nsenter --net=${cluster.netns}
  Tests on it:  MAILHOLD_TEST_CLUSTER=${join(cluster.folder, DESCRIPTION_FILE)} node --test test/cluster/...
  Logs of its programs and pods:  ${join(cluster.folder, 'logs')}

Ctrl-C ends it, and removes everything.`);
  // Before, a signal ends this process at once, and with it what was started.
  await Promise.race((['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((signal) => once(process, signal)));
  console.log('\nEnding the cluster ...');
} else {
  console.error(why);
  process.exitCode = 1;
}
