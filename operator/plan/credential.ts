import type { ArchiveConnection } from '../api/archive-connection.ts';
import { type Verdict, verdictOf } from '../api/conditions.ts';
import type { MailGateway } from '../api/mail-gateway.ts';
import type { Platform } from '../api/schema.ts';
import type { SecretReading } from './inputs.ts';

interface CredentialInput {
  platform: Platform;
  connection: ArchiveConnection;
  resolution: { gateway?: MailGateway };
  secret?: SecretReading;
}

/** What is wrong with the password of an IMAP connection; undefined where it may be sent to the mail host. */
export function credentialVerdict({ platform, connection, resolution, secret }: CredentialInput): Verdict | undefined {
  const { imap } = connection.spec;
  if (imap === undefined) return undefined;
  if (secret === undefined) return verdictOf('Unknown', 'Progressing', 'The password is being read.');
  if (secret.kind === 'fault') return verdictOf('False', secret.fault.reason, secret.fault.message);
  if (resolution.gateway?.spec.secretHosts === 'Optional' || names(secret.hosts, imap.host)) return undefined;
  return verdictOf('False', 'SecretNotForHost', notForHost(platform, connection, imap.host, secret.hosts));
}

function names(hosts: string | undefined, host: string): boolean {
  const wanted = host.toLowerCase();
  return (hosts ?? '').split(',').some((name) => name.trim().toLowerCase() === wanted);
}

function notForHost(
  platform: Platform,
  { metadata, spec }: ArchiveConnection,
  host: string,
  hosts: string | undefined,
): string {
  // As text that may be pasted into a shell, whatever the annotation holds now.
  const known = (hosts ?? '').split(',').map((name) => name.trim());
  const all = [...known.filter((name) => /^[A-Za-z0-9.:-]+$/.test(name)), host].join(',');
  if (platform === 'standalone') {
    return `passwordRef does not say that the password may be sent to ${host}, so it is sent nowhere. Write host: "${all}" in spec.imap.passwordRef.`;
  }
  const name = spec.imap?.passwordRef.name ?? '';
  return `The Secret ${name} does not say that it may be sent to ${host}, so it is sent nowhere. Its owner runs: kubectl annotate secret ${name} -n ${metadata.namespace} --overwrite mailhold.dev/host=${all}`;
}
