import { parseArgs } from 'node:util';
import { FaultError } from './fault-error.ts';
import { isLocal, type ListenAddress, parseListenAddress } from './listen-address.ts';

export interface WorkerFlags {
  /** Folder of the configuration. */
  config: string;
  /** Where the operator asks. */
  status: ListenAddress;
  /** Folder of the keys with which the operator alone is answered there. */
  statusTls?: string;
  /** Where the kubelet and Prometheus ask. */
  probes?: ListenAddress;
  exitWithStdin: boolean;
}

export const USAGE =
  '--config DIR --status SOCKET|PORT|ADDRESS:PORT [--status-tls DIR] [--probes ADDRESS:PORT] [--exit-with-stdin]';

/**
 * Reads the flags of a worker process.
 *
 * `--config DIR` configuration folder; `--status` where the operator asks, and `--status-tls DIR` with which `tls.crt`,
 * `tls.key` and `ca.crt`; `--probes` where the kubelet and Prometheus ask; `--exit-with-stdin` ends the worker when its
 * standard input ends, so that it cannot outlive the process that supervises it.
 *
 * @throws FaultError InvalidConfiguration, whose message says what to write
 */
export function readWorkerFlags(args: readonly string[]): WorkerFlags {
  const { config, status: statusText, 'status-tls': statusTls, probes, 'exit-with-stdin': exitWithStdin } = parse(args);
  if (config === undefined || statusText === undefined) throw wrong('--config and --status are needed.');
  const status = parseListenAddress(statusText);
  if (statusTls === undefined && !isLocal(status)) {
    throw wrong(
      `--status ${statusText} can be reached from outside, so it needs keys: give their folder with --status-tls, or take a socket or a port of loopback.`,
    );
  }
  if (statusTls !== undefined && status.kind === 'socket') {
    throw wrong(`--status-tls is for an address; --status ${statusText} is a socket, which its folder protects.`);
  }
  return {
    config,
    status,
    ...(statusTls !== undefined && { statusTls }),
    ...(probes !== undefined && { probes: probesAddress(probes) }),
    exitWithStdin,
  };
}

function probesAddress(text: string): ListenAddress {
  const at = parseListenAddress(text);
  if (at.kind === 'tcp') return at;
  throw wrong(`--probes ${text} is no address; write one such as [::]:8080.`);
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        config: { type: 'string' },
        status: { type: 'string' },
        'status-tls': { type: 'string' },
        probes: { type: 'string' },
        'exit-with-stdin': { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    // Node names the flag and what is wrong with it.
    throw wrong(error instanceof Error ? error.message : String(error));
  }
}

function wrong(message: string): FaultError {
  return new FaultError('InvalidConfiguration', 'never', message);
}
