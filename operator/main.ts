import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { ApiError } from './kube/api-error.ts';
import { loadKubeConfig } from './kube/load-kube-config.ts';
import { systemClock } from './runtime/clock.ts';
import { jsonLog, LEVELS } from './runtime/json-log.ts';
import { type ListenAddress, serveOperatorPages } from './runtime/kubernetes/operator-pages.ts';
import { runKubernetes } from './runtime/kubernetes.ts';

const usage = `usage: operator --namespace NAMESPACE --image IMAGE [options]

Runs Mailhold on Kubernetes: makes workers of MailGateways, MailArchives and ArchiveConnections, and shows how they are.

  --namespace NS            the operator's own namespace
  --gateway-namespaces NS   namespaces, with commas, that MailGateways may live in (the operator's own)
  --image IMAGE             image of the workers
  --image-pull-policy WORD  Always, IfNotPresent or Never (IfNotPresent)
  --kubeconfig FILE         how to reach the API server (the service account of the pod)
  --probes ADDRESS:PORT     where /healthz and /readyz are served ([::]:8081)
  --metrics ADDRESS:PORT    where /metrics is served ([::]:8080)
  --log-level WORD          info, warn or error (info)
`;

/** What is under way may end until then; a pod's grace period is longer. */
const GRACE_MS = 10_000;

class UsageError extends Error {}

async function main(args: string[]): Promise<void> {
  const { values } = parseArguments(args);
  if (values.help) {
    process.stdout.write(usage);
    return;
  }
  const namespace = required('namespace', values.namespace);
  const level = oneOf('log-level', values['log-level'], LEVELS);
  const log = jsonLog((line) => process.stdout.write(line), systemClock, level);
  const ending = Promise.withResolvers<string>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      // The second request to stop is meant.
      process.once(signal, () => process.exit(1));
      ending.resolve(signal);
    });
  }

  await using operator = await runKubernetes({
    kubeConfig: loadKubeConfig(values.kubeconfig),
    version: (createRequire(import.meta.url)('../package.json') as { version: string }).version,
    namespace,
    gatewayNamespaces: (values['gateway-namespaces'] ?? namespace).split(',').map((name) => name.trim()),
    image: required('image', values.image),
    imagePullPolicy: oneOf('image-pull-policy', values['image-pull-policy'], ['Always', 'IfNotPresent', 'Never']),
    identity: `${hostname()}-${randomBytes(4).toString('hex')}`,
    clock: systemClock,
    random: Math.random,
    log,
  });
  await using _pages = await serveOperatorPages(
    operator,
    address('probes', values.probes),
    address('metrics', values.metrics),
  );
  log.info('operator-stopping', { signal: await ending.promise });
  setTimeout(() => process.exit(1), GRACE_MS).unref();
}

function parseArguments(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        namespace: { type: 'string' },
        'gateway-namespaces': { type: 'string' },
        image: { type: 'string' },
        'image-pull-policy': { type: 'string', default: 'IfNotPresent' },
        kubeconfig: { type: 'string' },
        probes: { type: 'string', default: '[::]:8081' },
        metrics: { type: 'string', default: '[::]:8080' },
        'log-level': { type: 'string', default: 'info' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function required(name: string, value: string | undefined): string {
  if (value === undefined || value === '') throw new UsageError(`--${name} is missing`);
  return value;
}

function oneOf<const T extends string>(name: string, value: string, words: readonly T[]): T {
  const word = words.find((it) => it === value);
  if (word === undefined) throw new UsageError(`--${name} is one of ${words.join(', ')}`);
  return word;
}

function address(name: string, text: string): ListenAddress {
  const [, bracketed, plain, port] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535) throw new UsageError(`--${name} is ADDRESS:PORT, such as [::]:8080`);
  return { host: bracketed ?? (plain === '' ? '::' : (plain ?? '::')), port: Number(port) };
}

try {
  await main(process.argv.slice(2));
  process.exit(0);
} catch (error) {
  if (error instanceof UsageError) process.stderr.write(`operator: ${error.message}\n\n${usage}`);
  else if (error instanceof ApiError) process.stderr.write(`operator: ${error.message}\n`);
  else process.stderr.write(`operator: ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
}
