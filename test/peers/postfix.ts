import { type ChildProcess, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { selfSignedCertificate } from '../../operator/runtime/certificates/self-signed.ts';
import { loopback, type Place } from './place.ts';

const HOST_NAME = 'postfix.test';
const PROGRAM = '/usr/sbin/postfix';
const DAY_MS = 86_400_000;

/** Why Postfix cannot run here, or undefined. Tests pass it as `skip`, so that it is told in one line. */
export const postfixMissing: string | undefined = !existsSync(PROGRAM)
  ? 'not run: the Debian package postfix is not installed'
  : process.getuid?.() === 0
    ? undefined
    : 'not run: Postfix starts as root only';

export interface PostfixOptions {
  /**
   * `hold`: every message is accepted, made durable and kept in the hold queue, so that receiving is all that happens.
   * `relay`: every message goes on to this server, over TLS, and is tried again every second until it is taken. With
   * `verify` the server's certificate must be for `hostName` and be trusted by `certificate` (PEM).
   */
  purpose:
    | { kind: 'hold' }
    | { kind: 'relay'; host: string; port: number; verify?: { hostName: string; certificate: string } };
  /** Default loopback. */
  place?: Place;
}

export interface Postfix extends AsyncDisposable {
  /** Its SMTP port at its place, with STARTTLS. */
  port: number;
  /** Name in its certificate. */
  hostName: string;
  /** PEM; a client that trusts it trusts the server. */
  certificate: string;
  /** Process of its master, whose children are all the rest. */
  pid: number;
  /** Messages in a queue. */
  count(queue: 'hold' | 'deferred' | 'active' | 'incoming'): Promise<number>;
  /** Tries all deferred messages now. */
  flush(): void;
  /** What it said so far of its deliveries. */
  log(): Promise<string>;
}

/** A real Postfix on loopback in a temporary folder. Touches neither the machine's own configuration nor its queue. */
export async function startPostfix({ purpose, place = loopback }: PostfixOptions): Promise<Postfix> {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-postfix-'));
  await chmod(folder, 0o755);
  const port = await place.freePort();
  const etc = join(folder, 'etc');
  for (const name of ['etc', 'queue', 'data']) await mkdir(join(folder, name));
  spawnSync('chown', ['postfix', join(folder, 'data')]);
  const { certificate, privateKey } = await selfSignedCertificate(HOST_NAME, Date.now() - DAY_MS, Date.now() + DAY_MS);
  await writeFile(join(etc, 'certificate.pem'), certificate);
  await writeFile(join(etc, 'key.pem'), privateKey, { mode: 0o600 });
  if (purpose.kind === 'relay' && purpose.verify) {
    await writeFile(join(etc, 'next-hop.pem'), purpose.verify.certificate);
  }
  await writeFile(join(etc, 'main.cf'), mainConfiguration(folder, place.address, purpose));
  await writeFile(join(etc, 'master.cf'), masterConfiguration(place.address, port));

  const logFile = join(folder, 'log');
  const log = async (): Promise<string> => words + (existsSync(logFile) ? await readFile(logFile, 'utf8') : '');
  const child = place.spawn(PROGRAM, ['-c', etc, 'start-fg'], { stdio: ['ignore', 'ignore', 'pipe'], detached: false });
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words += text;
  });
  try {
    await place.untilListening(port, 20_000, () => child.exitCode !== null);
  } catch (error) {
    const said = await log();
    await end(child, etc, folder);
    throw new Error(`Postfix did not start: ${said}`, { cause: error });
  }
  return {
    port,
    hostName: HOST_NAME,
    certificate,
    pid: Number(await readFile(join(folder, 'queue', 'pid', 'master.pid'), 'utf8')),
    count: async (queue) => {
      const names = await readdir(join(folder, 'queue', queue), { recursive: true, withFileTypes: true });
      return names.filter((entry) => entry.isFile()).length;
    },
    flush: () => void spawnSync('/usr/sbin/postqueue', ['-c', etc, '-f']),
    log,
    [Symbol.asyncDispose]: () => end(child, etc, folder),
  };
}

function mainConfiguration(folder: string, address: string, purpose: PostfixOptions['purpose']): string {
  const common = `
compatibility_level = 3.6
maillog_file = ${folder}/log
maillog_file_prefixes = ${folder}
queue_directory = ${folder}/queue
data_directory = ${folder}/data
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = all
smtp_bind_address = ${address}
inet_protocols = ipv4
myhostname = ${HOST_NAME}
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
mynetworks = 127.0.0.0/8, ${address}/32
smtpd_tls_security_level = may
smtpd_tls_eccert_file = ${folder}/etc/certificate.pem
smtpd_tls_eckey_file = ${folder}/etc/key.pem
smtpd_tls_loglevel = 0
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_message_rate_limit = 0
smtpd_client_recipient_rate_limit = 0
smtpd_peername_lookup = no
message_size_limit = 0
default_process_limit = 100
in_flow_delay = 0
`;
  switch (purpose.kind) {
    case 'hold':
      return `${common}
relay_domains = static:all
smtpd_recipient_restrictions = check_client_access static:HOLD, permit_mynetworks, reject
`;
    case 'relay':
      return `${common}
relayhost = [${purpose.host}]:${purpose.port}
smtp_tls_security_level = ${purpose.verify ? 'secure' : 'encrypt'}
smtp_tls_secure_cert_match = ${purpose.verify?.hostName ?? 'nexthop'}
smtp_tls_CAfile = ${purpose.verify ? `${folder}/etc/next-hop.pem` : ''}
smtp_host_lookup = native
smtp_tls_loglevel = 1
smtpd_recipient_restrictions = permit_mynetworks, reject
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
default_destination_concurrency_limit = 5
`;
  }
}

function masterConfiguration(address: string, port: number): string {
  return `${address}:${port} inet n - n - - smtpd
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
`;
}

async function end(child: ChildProcess, etc: string, folder: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    // By its own pid file in its own folder: no other Postfix is meant.
    spawnSync(PROGRAM, ['-c', etc, 'stop'], { stdio: 'ignore' });
    await ended;
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}
