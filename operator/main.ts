import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import { ApiError } from './kube/api-error.ts';
import { loadKubeConfig } from './kube/load-kube-config.ts';
import { systemClock } from './runtime/clock.ts';
import { jsonLog } from './runtime/json-log.ts';
import { readOperatorFlags, USAGE, UsageError } from './runtime/kubernetes/operator-flags.ts';
import { serveOperatorPages } from './runtime/kubernetes/operator-pages.ts';
import { runKubernetes } from './runtime/kubernetes.ts';

/** What is under way may end until then; a pod's grace period is longer. */
const GRACE_MS = 10_000;

async function main(args: string[]): Promise<void> {
  const flags = readOperatorFlags(args);
  if (flags === 'help') {
    process.stdout.write(USAGE);
    return;
  }
  const log = jsonLog((line) => process.stdout.write(line), systemClock, 'operator', flags.level);
  const ending = Promise.withResolvers<string>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      // The second request to stop is meant.
      process.once(signal, () => process.exit(1));
      ending.resolve(signal);
    });
  }

  await using operator = await runKubernetes({
    kubeConfig: loadKubeConfig(flags.kubeconfig),
    version: (createRequire(import.meta.url)('../package.json') as { version: string }).version,
    namespace: flags.namespace,
    gatewayNamespaces: flags.gatewayNamespaces,
    image: flags.image,
    imagePullPolicy: flags.imagePullPolicy,
    identity: `${hostname()}-${randomBytes(4).toString('hex')}`,
    clock: systemClock,
    random: Math.random,
    log,
  });
  await using _pages = await serveOperatorPages(operator, flags.probes, flags.metrics);
  log.info('operator-stopping', { signal: await ending.promise });
  setTimeout(() => process.exit(1), GRACE_MS).unref();
}

try {
  await main(process.argv.slice(2));
  process.exit(0);
} catch (error) {
  if (error instanceof UsageError) process.stderr.write(`operator: ${error.message}\n\n${USAGE}`);
  else if (error instanceof ApiError) process.stderr.write(`operator: ${error.message}\n`);
  else process.stderr.write(`operator: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
}
