import { lookup, Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';

/** Names to addresses, in the order in which to try them. Rejects with an error of node:dns. */
export type Resolve = (host: string) => Promise<string[]>;

export interface ResolveOptions {
  /** Name servers as `address:port`; default: those of the system. */
  servers?: string[];
  /** Of one question; asked twice. */
  timeoutMs?: number;
}

const TIMEOUT_MS = 3_000;
/** Nobody answered. What else c-ares says may only mean that the name is not one of DNS. */
const UNANSWERED: ReadonlySet<string> = new Set(['ETIMEOUT', 'ECANCELLED']);

/**
 * Resolves as the system does, with one difference: the system's look-up holds one of two threads of the process for as
 * long as name servers are silent, so that two such names would hold up all others. Names of DNS are therefore asked
 * for over c-ares, which holds none, and the system is asked for what DNS does not know (search domains, mDNS) and for
 * what stands in the hosts file.
 */
export function createResolve(options: ResolveOptions = {}): Resolve {
  return async (host) => {
    if (!host.includes('.') || (await inHostsFile(host))) return bySystem(host);
    try {
      return await byServers(host, options);
    } catch (error) {
      if (error instanceof Error && 'code' in error && UNANSWERED.has(String(error.code))) throw error;
      return bySystem(host);
    }
  };
}

async function bySystem(host: string): Promise<string[]> {
  return (await lookup(host, { all: true, order: 'ipv4first' })).map(({ address }) => address);
}

async function byServers(host: string, { servers, timeoutMs = TIMEOUT_MS }: ResolveOptions): Promise<string[]> {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 2 });
  if (servers) resolver.setServers(servers);
  const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
  const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  const [failed] = answers.filter((answer) => answer.status === 'rejected');
  if (addresses.length === 0 && failed) throw failed.reason;
  return addresses;
}

async function inHostsFile(host: string): Promise<boolean> {
  // A system without the file has no names in it.
  const text = await readFile('/etc/hosts', 'utf8').catch(() => '');
  const name = host.toLowerCase();
  return text.split('\n').some((line) => line.replace(/#.*/, '').toLowerCase().split(/\s+/).slice(1).includes(name));
}
