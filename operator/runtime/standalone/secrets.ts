import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { InputFault } from '../../plan/inputs.ts';
import type { Clock } from '../clock.ts';
import { followFolders } from './followed-folders.ts';
import { systemCode } from './startup-error.ts';

const FAILING_MS = 30_000;
const HEALTHY_MS = 300_000;
const LARGEST_SECRET = 64 * 1024;

/** Where a secret is: a file, relative to the manifests' folder, or a variable of our environment. */
export interface SecretRef {
  file?: string;
  env?: string;
}

export type SecretResult = { kind: 'value'; value: string } | { kind: 'fault'; fault: InputFault };

export interface WantedSecret {
  /** Who asks: one reference per key. */
  key: string;
  ref: SecretRef;
  /** Of a failing connection: read again soon, since a person may be mending it. */
  failing: boolean;
}

export interface Secrets {
  /**
   * Reads what is wanted and new, due or marked; forgets what is no longer wanted.
   *
   * @returns when the next one is due, in ms since 1970
   */
  bring(wanted: readonly WantedSecret[]): Promise<number | undefined>;
  get(key: string): SecretResult | undefined;
  /** The next `bring` reads it again, however fresh it is: a test was asked for, a login was refused. */
  mark(key: string): void;
}

export interface SecretsOptions {
  /** The manifests' folder. */
  folder: string;
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  /** Called when a watched file may have changed; the changed keys are marked. */
  onChange: () => void;
  signal: AbortSignal;
}

interface Held {
  wanted: WantedSecret;
  result: SecretResult;
  readAt: number;
  stale: boolean;
}

/** Reads secrets by reference and follows their files until `signal` aborts. Values stay in memory, out of every log. */
export function createSecrets(options: SecretsOptions): Secrets {
  const { folder, env, clock, onChange, signal } = options;
  const held = new Map<string, Held>();

  const folderOf = ({ ref }: WantedSecret): string | undefined =>
    ref.file === undefined ? undefined : dirname(resolve(folder, ref.file));
  const followed = followFolders((path) => {
    const touched = [...held.values()].filter(({ wanted }) => folderOf(wanted) === path);
    for (const one of touched) one.stale = true;
    if (touched.length > 0) onChange();
  }, signal);

  return {
    bring: async (wanted) => {
      const keys = new Set(wanted.map(({ key }) => key));
      for (const key of held.keys()) if (!keys.has(key)) held.delete(key);
      let next: number | undefined;
      const now = clock.now();
      await Promise.all(
        wanted.map(async (want) => {
          const before = held.get(want.key);
          const sameRef = before?.wanted.ref.file === want.ref.file && before?.wanted.ref.env === want.ref.env;
          const due = (before?.readAt ?? 0) + (want.failing ? FAILING_MS : HEALTHY_MS);
          if (before !== undefined && sameRef && !before.stale && now < due) {
            before.wanted = want;
            return;
          }
          if (before !== undefined) before.stale = false;
          const result = await readSecret(want.ref, folder, env);
          held.set(want.key, { wanted: want, result, readAt: now, stale: held.get(want.key)?.stale ?? false });
        }),
      );
      followed.follow(new Set(wanted.map(folderOf).filter((path) => path !== undefined)));
      for (const { wanted: want, readAt, stale } of held.values()) {
        const due = stale ? now : readAt + (want.failing ? FAILING_MS : HEALTHY_MS);
        next = Math.min(next ?? due, due);
      }
      return next;
    },
    get: (key) => held.get(key)?.result,
    mark: (key) => {
      const one = held.get(key);
      if (one !== undefined) one.stale = true;
    },
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
