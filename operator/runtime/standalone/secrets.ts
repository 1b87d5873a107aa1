import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { InputFault } from '../../plan/inputs.ts';
import type { Clock } from '../clock.ts';
import { createDueReadings, type DueReadings, type WantedReading } from '../due-readings.ts';
import { followFolders } from './followed-folders.ts';
import { systemCode } from './startup-error.ts';

const READ_AT_ONCE = 8;
const LARGEST_SECRET = 64 * 1024;

/** Where a secret is: a file, relative to the manifests' folder, or a variable of our environment. */
export interface SecretRef {
  file?: string;
  env?: string;
}

export type SecretResult = { kind: 'value'; value: string } | { kind: 'fault'; fault: InputFault };

/** `key` is who asks: one reference per key. Of a failing connection it is read again soon. */
export interface WantedSecret extends WantedReading {
  ref: SecretRef;
}

/** Marked when a test was asked for, or a login was refused. */
export type Secrets = Pick<DueReadings<WantedSecret, SecretResult>, 'bring' | 'get' | 'mark'>;

export interface SecretsOptions {
  /** The manifests' folder. */
  folder: string;
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  /** Called when a watched file may have changed; the changed keys are marked. */
  onChange: () => void;
  signal: AbortSignal;
}

/** Reads secrets by reference and follows their files until `signal` aborts. Values stay in memory, out of every log. */
export function createSecrets(options: SecretsOptions): Secrets {
  const { folder, env, clock, onChange, signal } = options;
  const readings = createDueReadings<WantedSecret, SecretResult>({
    read: ({ ref }) => readSecret(ref, folder, env),
    same: (one, other) => one.ref.file === other.ref.file && one.ref.env === other.ref.env,
    atOnce: READ_AT_ONCE,
    stretch: () => 1,
    clock,
  });

  const folderOf = ({ ref }: WantedSecret): string | undefined =>
    ref.file === undefined ? undefined : dirname(resolve(folder, ref.file));
  const followed = followFolders((path) => {
    const touched = readings.wanted().filter((wanted) => folderOf(wanted) === path);
    for (const { key } of touched) readings.mark(key);
    if (touched.length > 0) onChange();
  }, signal);

  return {
    bring: async (wanted) => {
      const next = await readings.bring(wanted);
      followed.follow(new Set(wanted.map(folderOf).filter((path) => path !== undefined)));
      return next;
    },
    get: readings.get,
    mark: readings.mark,
  };
}

/** One reading. One line feed at the end, as editors and `echo` leave it, is not part of the secret. */
export async function readSecret(
  ref: SecretRef,
  folder: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<SecretResult> {
  if (ref.file === undefined) {
    const name = ref.env ?? '';
    const value = env[name];
    if (value === undefined) return fault('SecretNotFound', `The environment variable ${name} is not set.`);
    return value === '' ? fault('SecretKeyMissing', `The environment variable ${name} is empty.`) : found(value);
  }
  const path = resolve(folder, ref.file);
  try {
    if ((await stat(path)).size > LARGEST_SECRET) return fault('SecretNotFound', `The file ${ref.file} is too large.`);
    const value = (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
    return value === '' ? fault('SecretKeyMissing', `The file ${ref.file} is empty.`) : found(value);
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    const why = code === 'ENOENT' || code === 'ENOTDIR' ? 'does not exist' : `cannot be read (${code})`;
    return fault('SecretNotFound', `The file ${ref.file} ${why}.`);
  }
}

function found(value: string): SecretResult {
  return { kind: 'value', value };
}

function fault(reason: 'SecretNotFound' | 'SecretKeyMissing', message: string): SecretResult {
  return { kind: 'fault', fault: { reason, message } };
}
