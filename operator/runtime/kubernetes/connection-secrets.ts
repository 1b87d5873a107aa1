import type { KubeClient } from '../../kube/client.ts';
import type { InputFault, SecretReading } from '../../plan/inputs.ts';
import type { Clock } from '../clock.ts';
import { createDueReadings, type WantedReading } from '../due-readings.ts';
import { types } from './resource-types.ts';
import { keysInWords, type SecretObject, secretFault, textOf } from './secret-object.ts';

/** Mail hosts that the password may be sent to, with commas between them. */
const HOSTS_ANNOTATION = 'mailhold.dev/host';
/** Thousands of connections must not ask the API server at once. */
const READ_AT_ONCE = 8;
/** Part of the time between two readings of a Secret that is left to chance, either way. */
const JITTER = 0.1;

export interface WantedConnectionSecret {
  /** uid of the connection. */
  key: string;
  namespace: string;
  name: string;
  /** The key within the Secret. */
  secretKey: string;
  /** Of a failing connection: read again soon, since a person may be mending it. */
  failing: boolean;
  /** Read at once where it differs from the last one: a generation of the connection, a version of the Secret. */
  revisionHint?: string;
  /** The mail host, for the words on a missing Secret. */
  host?: string;
}

export interface ConnectionSecrets {
  /**
   * Reads Secrets that are new, due or marked, each once for all connections that name it; forgets the others.
   *
   * @returns when the next one is due, in ms since 1970
   */
  bring(wanted: readonly WantedConnectionSecret[]): Promise<number | undefined>;
  /** @param uid of the connection; undefined while its Secret has not been read */
  get(uid: string): SecretReading | undefined;
  /** The next `bring` reads the connection's Secret again: a test was asked for, a login was refused. */
  mark(uid: string): void;
}

/** A Secret as it was read: no more of it is kept than connections ask for. */
type Reading =
  | { kind: 'found'; secret: Pick<SecretObject, 'data'>; hosts: string | undefined }
  | { kind: 'absent' }
  | { kind: 'fault'; fault: InputFault };

interface WantedSecret extends WantedReading {
  namespace: string;
  name: string;
}

/**
 * Reads the passwords of IMAP connections, by name alone: the operator may not list Secrets. Values stay in memory, out
 * of every log.
 *
 * @param random from 0 to 1
 */
export function createConnectionSecrets(
  client: KubeClient,
  clock: Pick<Clock, 'now'>,
  random: () => number = Math.random,
): ConnectionSecrets {
  const connections = new Map<string, WantedConnectionSecret>();
  /** Set for the rest of a `bring` in which the API server did not answer: the next ones would wait as long. */
  let unanswered = false;

  const readings = createDueReadings<WantedSecret, Reading>({
    read: async ({ namespace, name }) => {
      if (unanswered) return undefined;
      try {
        const secret = await client.get<SecretObject>(types.Secret, { namespace, name });
        if (secret === undefined) return { kind: 'absent' };
        const { data, metadata } = secret;
        return {
          kind: 'found',
          secret: data === undefined ? {} : { data },
          hosts: metadata.annotations?.[HOSTS_ANNOTATION],
        };
      } catch (error) {
        const fault = secretFault(error, { namespace, name });
        if (fault !== undefined) return { kind: 'fault', fault };
        unanswered = true;
        return undefined;
      }
    },
    same: () => true,
    atOnce: READ_AT_ONCE,
    stretch: () => 1 - JITTER + 2 * JITTER * random(),
    clock,
  });

  return {
    bring: async (wanted) => {
      const secrets = new Map<string, WantedSecret>();
      for (const want of wanted) {
        const key = secretKeyOf(want);
        const failing = want.failing || secrets.get(key)?.failing === true;
        secrets.set(key, { key, namespace: want.namespace, name: want.name, failing });
        const before = connections.get(want.key);
        if (before !== undefined && before.revisionHint !== want.revisionHint) readings.mark(key);
      }
      connections.clear();
      for (const want of wanted) connections.set(want.key, want);
      unanswered = false;
      return await readings.bring([...secrets.values()]);
    },
    get: (uid) => {
      const want = connections.get(uid);
      const reading = want && readings.get(secretKeyOf(want));
      return reading && passwordOf(want, reading);
    },
    mark: (uid) => {
      const want = connections.get(uid);
      if (want !== undefined) readings.mark(secretKeyOf(want));
    },
  };
}

function secretKeyOf({ namespace, name }: { namespace: string; name: string }): string {
  return `${namespace}/${name}`;
}

function passwordOf(want: WantedConnectionSecret, reading: Reading): SecretReading {
  switch (reading.kind) {
    case 'fault':
      return reading;
    case 'absent':
      return { kind: 'fault', fault: { reason: 'SecretNotFound', message: absentWords(want) } };
    case 'found': {
      // One line feed at the end, as editors and `echo` leave it, is not part of the password.
      const password = textOf(reading.secret, want.secretKey)?.replace(/\r?\n$/, '');
      if (password === undefined || password === '') {
        return {
          kind: 'fault',
          fault: { reason: 'SecretKeyMissing', message: keyWords(want, reading.secret, password) },
        };
      }
      return { kind: 'password', password, ...(reading.hosts !== undefined && { hosts: reading.hosts }) };
    }
  }
}

function absentWords({ namespace, name, secretKey, host }: WantedConnectionSecret): string {
  const create = `kubectl create secret generic ${name} -n ${namespace} --from-file=${secretKey}=FILE`;
  const annotate = `kubectl annotate secret ${name} -n ${namespace} ${HOSTS_ANNOTATION}=${host ?? 'HOST'}`;
  return `The Secret ${namespace}/${name} does not exist; create it from a file with the password, and say which mail host it is for: ${create} && ${annotate}`;
}

function keyWords(
  { namespace, name, secretKey }: WantedConnectionSecret,
  secret: Pick<SecretObject, 'data'>,
  password?: string,
): string {
  if (password === '') return `The key ${secretKey} of the Secret ${namespace}/${name} is empty.`;
  return `The Secret ${namespace}/${name} has no key ${secretKey}; ${keysInWords(secret)}. Add it, or name another one in spec.imap.passwordRef.key.`;
}
