import { createHash } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Clock } from './clock.ts';
import { systemCode } from './startup-error.ts';

const FAILING_MS = 30_000;
const HEALTHY_MS = 300_000;
const LARGEST_SECRET = 64 * 1024;

/** Where a secret is: a file, relative to the manifests' folder, or a variable of our environment. */
export interface SecretRef {
  file?: string;
  env?: string;
}

/** `digest` tells one value from another without being it: SHA-256 in hex. */
export interface SecretValue {
  value: string;
  digest: string;
}

export interface SecretFault {
  code: 'SecretNotFound' | 'SecretKeyMissing';
  message: string;
}

export type SecretResult = { kind: 'value'; secret: SecretValue } | { kind: 'fault'; fault: SecretFault };

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
  const watchers = new Map<string, FSWatcher>();

  // The folder is watched, not the file: an editor replaces the file, and a missing one can only be seen to appear so.
  const watchFolders = (): void => {
    const wanted = new Set<string>();
    for (const { wanted: want } of held.values()) {
      if (want.ref.file !== undefined) wanted.add(dirname(resolve(folder, want.ref.file)));
    }
    for (const [path, watcher] of watchers) {
      if (wanted.has(path)) continue;
      watcher.close();
      watchers.delete(path);
    }
    for (const path of wanted) {
      if (watchers.has(path) || signal.aborted) continue;
      try {
        const watcher = watch(path, () => changedIn(path));
        watcher.on('error', () => {
          watcher.close();
          watchers.delete(path);
        });
        watchers.set(path, watcher);
      } catch (error) {
        // A folder that does not exist yet is looked for at each reading.
        if (systemCode(error) === undefined) throw error;
      }
    }
  };
  const changedIn = (path: string): void => {
    for (const one of held.values()) {
      const { file } = one.wanted.ref;
      if (file !== undefined && dirname(resolve(folder, file)) === path) one.stale = true;
    }
    onChange();
  };
  signal.addEventListener(
    'abort',
    () => {
      for (const watcher of watchers.values()) watcher.close();
    },
    { once: true },
  );

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
      watchFolders();
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
  return { kind: 'value', secret: { value, digest: createHash('sha256').update(value).digest('hex') } };
}

function fault(code: SecretFault['code'], message: string): SecretResult {
  return { kind: 'fault', fault: { code, message } };
}
