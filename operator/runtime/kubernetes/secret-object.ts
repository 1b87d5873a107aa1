import type { MailGateway } from '../../api/mail-gateway.ts';
import { ApiError } from '../../kube/api-error.ts';
import type { ObjectRef } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/types.ts';
import { gatewayLabels } from '../../plan/children/labels.ts';
import { ownedBy } from '../../plan/children/owner.ts';
import type { InputFault } from '../../plan/inputs.ts';
import type { KeyPair } from '../certificates/sign-certificate.ts';

/** A Secret (core/v1). */
export interface SecretObject extends KubeObject {
  apiVersion: 'v1';
  kind: 'Secret';
  type?: string;
  immutable?: boolean;
  /** Base64. */
  data?: Record<string, string>;
}

/** Who owns the fields that we apply to Secrets of ours. */
export const MANAGER = 'mailhold';

/** A value as bytes; undefined where the Secret has no such key. */
export function bytesOf({ data }: Pick<SecretObject, 'data'>, key: string): Buffer | undefined {
  const value = data?.[key];
  return value === undefined ? undefined : Buffer.from(value, 'base64');
}

export function textOf(secret: Pick<SecretObject, 'data'>, key: string): string | undefined {
  return bytesOf(secret, key)?.toString('utf8');
}

/** The key pair of a Secret in the form of kubernetes.io/tls, as far as it has one. */
export function keyPairOf(secret: Pick<SecretObject, 'data'>): Partial<KeyPair> {
  const certificate = textOf(secret, 'tls.crt');
  const privateKey = textOf(secret, 'tls.key');
  return { ...(certificate !== undefined && { certificate }), ...(privateKey !== undefined && { privateKey }) };
}

/** A Secret that goes with its gateway. @param texts by key */
export function gatewaySecret(
  gateway: MailGateway,
  name: string,
  type: string,
  texts: Readonly<Record<string, string>>,
): SecretObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      namespace: gateway.metadata.namespace,
      name,
      labels: gatewayLabels(gateway.metadata.name),
      ownerReferences: ownedBy(gateway),
    },
    type,
    data: Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')])),
  };
}

/** The keys of a Secret for a person, at most eight of them. */
export function keysInWords({ data }: Pick<SecretObject, 'data'>): string {
  const keys = Object.keys(data ?? {}).sort();
  if (keys.length === 0) return 'it holds nothing';
  return `it has ${keys.slice(0, 8).join(', ')}${keys.length > 8 ? ' and others' : ''}`;
}

/**
 * What a call for a Secret met, where only a person can mend it.
 *
 * @param use what the Secret was called for
 * @returns undefined where the API server cannot be asked now: what is known goes on
 * @throws `error` itself where it is no ApiError
 */
export function secretFault(
  error: unknown,
  { namespace, name }: ObjectRef,
  use: 'read' | 'write' = 'read',
): InputFault | undefined {
  if (!(error instanceof ApiError)) throw error;
  switch (error.code) {
    case 'Forbidden':
      // Of a write it may be a quota or a policy as well.
      if (use === 'write') {
        return {
          reason: 'ObjectRefused',
          message: `Mailhold cannot make the Secret ${namespace}/${name}: ${error.message}`,
        };
      }
      return {
        reason: 'SecretForbidden',
        message: `Mailhold may not use the Secret ${namespace}/${name}: ${error.message}`,
      };
    case 'Invalid':
    case 'BadRequest':
      return {
        reason: 'InvalidConfiguration',
        message: `The Secret ${namespace}/${name} cannot be written: ${error.message} Where it is not one that Mailhold made, give it another name; else delete it, and it is made anew.`,
      };
    default:
      return undefined;
  }
}
