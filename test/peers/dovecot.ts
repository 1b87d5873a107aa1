import { type ChildProcess, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { selfSignedCertificate } from '../../operator/runtime/certificates/self-signed.ts';
import { loopback, type Place } from './place.ts';

const PROGRAM = '/usr/sbin/dovecot';
const YEAR_MS = 365 * 86_400_000;
/** Files written at once while a Maildir is filled. */
const WRITERS = 16;

export interface DovecotOptions {
  /** User name to password. Each user has an INBOX. */
  users: Record<string, string>;
  /** Host name in the certificate. Default `localhost`. */
  certificateName?: string;
  /** Sessions that one user may have at once from one address. Default 10. */
  sessionsPerUser?: number;
  /** Default loopback. */
  place?: Place;
}

export interface Dovecot extends AsyncDisposable {
  host: string;
  imapsPort: number;
  starttlsPort: number;
  /** PEM; a client that trusts it trusts the server. */
  certificate: string;
  /** Folder of the user's Maildir; other folders are `.Name` within. */
  maildir(user: string): string;
  /** Puts messages into a folder, in this order, past the server. */
  fill(user: string, messages: Iterable<Buffer>, folder?: string): Promise<void>;
  /** Number of message files in a folder. */
  count(user: string, folder?: string): Promise<number>;
  setPassword(user: string, password: string): Promise<void>;
  /** Gives the folder another UIDVALIDITY, as a restore from backup does. */
  forgetUids(user: string): Promise<void>;
  log(): Promise<string>;
}

/** Why Dovecot cannot run here, or undefined. Tests pass it as `skip`, so that it is told in one line. */
export const dovecotMissing: string | undefined = existsSync(PROGRAM)
  ? undefined
  : 'not run: the Debian package dovecot-imapd is not installed';

/**
 * A real Dovecot on loopback, in a temporary folder, with a certificate of its own. Runs with or without root: as root
 * the mail belongs to `nobody`, since Dovecot serves no mail to root.
 */
export async function startDovecot(options: DovecotOptions): Promise<Dovecot> {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-dovecot-'));
  // Dovecot's processes pass through it as another user.
  await chmod(folder, 0o755);
  const owner = mailOwner();
  const passwords = { ...options.users };
  const place = options.place ?? loopback;
  const [imapsPort, starttlsPort] = await Promise.all([place.freePort(), place.freePort()]);
  const { certificate, privateKey } = await selfSignedCertificate(
    options.certificateName ?? 'localhost',
    Date.now() - 86_400_000,
    Date.now() + YEAR_MS,
  );
  await writeFile(join(folder, 'certificate.pem'), certificate);
  await writeFile(join(folder, 'key.pem'), privateKey);
  let generation = 0;
  const writePasswords = async (): Promise<void> => {
    // Dovecot notices a change by the file's second and size; the growing comment makes the size differ.
    generation += 1;
    const lines = Object.entries(passwords).map(([user, password]) => `${user}:{PLAIN}${password}::::::`);
    await writeFile(join(folder, 'passwd'), `${lines.join('\n')}\n#${'.'.repeat(generation)}\n`, { mode: 0o644 });
  };
  await writePasswords();
  for (const user of Object.keys(passwords)) await makeMaildir(join(folder, 'mail', user), owner);
  await writeFile(
    join(folder, 'dovecot.conf'),
    configuration(folder, owner, place.address, imapsPort, starttlsPort, options.sessionsPerUser ?? 10),
  );

  const child = place.spawn(PROGRAM, ['-F', '-c', join(folder, 'dovecot.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const words: string[] = [];
  child.stderr?.setEncoding('utf8').on('data', (text: string) => words.push(text));
  const log = async (): Promise<string> =>
    words.join('') + (existsSync(join(folder, 'log')) ? await readFile(join(folder, 'log'), 'utf8') : '');
  try {
    const ended = (): boolean => child.exitCode !== null;
    for (const port of [imapsPort, starttlsPort]) await place.untilListening(port, 10_000, ended);
  } catch (error) {
    const said = await log();
    await end(child, folder);
    throw new Error(`Dovecot did not start: ${said}`, { cause: error });
  }

  const maildir = (user: string): string => join(folder, 'mail', user);
  const folderOf = (user: string, name: string | undefined): string =>
    name === undefined || name === 'INBOX' ? maildir(user) : join(maildir(user), `.${name}`);
  let delivered = 0;
  let epochs = 0;
  return {
    host: 'localhost',
    imapsPort,
    starttlsPort,
    certificate,
    maildir,
    fill: async (user, messages, name) => {
      const target = folderOf(user, name);
      await makeMaildir(target, owner);
      const source = messages[Symbol.iterator]();
      // Dovecot numbers new files by the time and the counter in their names.
      const write = async (): Promise<void> => {
        for (let next = source.next(); next.done !== true; next = source.next()) {
          delivered += 1;
          const path = join(target, 'new', `1700000000.M${String(delivered).padStart(8, '0')}P1.peer`);
          await writeFile(path, next.value);
          if (owner !== undefined) await chown(path, owner.uid, owner.gid);
        }
      };
      await Promise.all(Array.from({ length: WRITERS }, write));
    },
    count: async (user, name) => {
      const target = folderOf(user, name);
      const lists = await Promise.all(['new', 'cur'].map((part) => readdir(join(target, part))));
      return lists.flat().length;
    },
    setPassword: async (user, password) => {
      passwords[user] = password;
      await writePasswords();
    },
    forgetUids: async (user) => {
      const names = (await readdir(maildir(user))).filter((name) => /^dovecot[.-]/.test(name));
      await Promise.all(names.map((name) => rm(join(maildir(user), name), { recursive: true, force: true })));
      // Left to itself Dovecot takes the time in seconds, which may be that of the epoch before.
      epochs += 1;
      const list = join(maildir(user), 'dovecot-uidlist');
      await writeFile(list, `3 V${epochs} N1 G${'0'.repeat(31)}${epochs % 10}\n`);
      if (owner !== undefined) await chown(list, owner.uid, owner.gid);
    },
    log,
    [Symbol.asyncDispose]: () => end(child, folder),
  };
}

interface Owner {
  name: string;
  uid: number;
  gid: number;
}

/** The user that mail must belong to where we are root; undefined: ourselves. */
function mailOwner(): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number => Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout);
  return { name: 'nobody', uid: id('-u'), gid: id('-g') };
}

function configuration(
  folder: string,
  owner: Owner | undefined,
  address: string,
  imapsPort: number,
  starttlsPort: number,
  sessions: number,
): string {
  const user = owner?.name ?? userInfo().username;
  const uid = owner?.uid ?? process.getuid?.();
  const gid = owner?.gid ?? process.getgid?.();
  return `
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/log
protocols = imap
listen = ${address}
default_internal_user = ${user}
default_internal_group = ${spawnSync('id', ['-gn', user], { encoding: 'utf8' }).stdout.trim()}
default_login_user = ${user}
first_valid_uid = 1
first_valid_gid = 0
mail_uid = ${uid}
mail_gid = ${gid}
mail_location = maildir:${folder}/mail/%u
mail_max_userip_connections = ${sessions}
# Files appear while it runs, often several in the second of the folder's time stamp.
maildir_very_dirty_syncs = no
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
ssl = yes
ssl_cert = <${folder}/certificate.pem
ssl_key = <${folder}/key.pem
passdb {
  driver = passwd-file
  args = ${folder}/passwd
}
userdb {
  driver = static
  args = uid=${uid} gid=${gid} home=${folder}/mail/%u
}
service imap-login {
  chroot =
  service_count = 0
  process_min_avail = 1
  inet_listener imap {
    port = ${starttlsPort}
  }
  inet_listener imaps {
    port = ${imapsPort}
    ssl = yes
  }
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
`;
}

async function makeMaildir(path: string, owner: Owner | undefined): Promise<void> {
  for (const part of ['cur', 'new', 'tmp']) await mkdir(join(path, part), { recursive: true });
  if (owner === undefined) return;
  for (const part of ['cur', 'new', 'tmp', '.']) await chown(join(path, part), owner.uid, owner.gid);
  await chown(join(path, '..'), owner.uid, owner.gid);
}

async function end(child: ChildProcess, folder: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}
