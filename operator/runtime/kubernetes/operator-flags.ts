import { parseArgs } from 'node:util';
import { LEVELS, type Level } from '../json-log.ts';
import type { ListenAddress } from './operator-pages.ts';

export const USAGE = `usage: operator --namespace NAMESPACE --image IMAGE [options]

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

export interface OperatorFlags {
  namespace: string;
  /** Each once. */
  gatewayNamespaces: readonly string[];
  image: string;
  imagePullPolicy: (typeof PULL_POLICIES)[number];
  /** Path of a file; absent: the service account of the pod. */
  kubeconfig?: string;
  probes: ListenAddress;
  metrics: ListenAddress;
  level: Level;
}

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'] as const;
/** A DNS label (RFC 1123). An empty one would be every namespace to the API server. */
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** What was asked for is nothing that the operator knows; `message` says what. */
export class UsageError extends Error {}

/**
 * Reads the flags of the operator.
 *
 * @returns 'help' where that was asked for
 * @throws UsageError
 */
export function readOperatorFlags(args: readonly string[]): OperatorFlags | 'help' {
  const values = parse(args);
  if (values.help) return 'help';
  const namespace = namespaceName('namespace', required('namespace', values.namespace));
  const names = (values['gateway-namespaces'] ?? namespace).split(',');
  return {
    namespace,
    gatewayNamespaces: [...new Set(names.map((name) => namespaceName('gateway-namespaces', name.trim())))],
    image: required('image', values.image),
    imagePullPolicy: oneOf('image-pull-policy', values['image-pull-policy'], PULL_POLICIES),
    ...(values.kubeconfig !== undefined && { kubeconfig: values.kubeconfig }),
    probes: address('probes', values.probes),
    metrics: address('metrics', values.metrics),
    level: oneOf('log-level', values['log-level'], LEVELS),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
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
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function required(name: string, value: string | undefined): string {
  if (value === undefined || value === '') throw new UsageError(`--${name} is missing`);
  return value;
}

function namespaceName(flag: string, name: string): string {
  if (!NAMESPACE.test(name)) throw new UsageError(`--${flag} names "${name}", which is no namespace`);
  return name;
}

function oneOf<const T extends string>(name: string, value: string, words: readonly T[]): T {
  const word = words.find((it) => it === value);
  if (word === undefined) throw new UsageError(`--${name} is one of ${words.join(', ')}`);
  return word;
}

/** `ADDRESS:PORT`, `[ADDRESS]:PORT`, or `:PORT` for every address. */
function address(name: string, text: string): ListenAddress {
  const [, bracketed, plain = '', port] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535) throw new UsageError(`--${name} is ADDRESS:PORT, such as [::]:8080`);
  return { host: bracketed ?? (plain === '' ? '::' : plain), port: Number(port) };
}
