import type { StandaloneStatus } from '../../operator/runtime/standalone/status-page.ts';

type Connection = StandaloneStatus['connections'][number];
type Light = [status: 'True' | 'False' | 'Unknown', reason: string, message: string];

/** When the scene is looked at, in ms since 1970. */
export const NOW = Date.parse('2026-11-25T12:00:00Z');

/** A status as `mailhold run` serves it: one connection that works, one that waits, one that fails. */
export const scene: StandaloneStatus = {
  apiVersion: 'mailhold.dev/v1alpha1',
  kind: 'StandaloneStatus',
  change: 7,
  at: '2026-11-25T11:59:00Z',
  gateways: [],
  archives: [],
  workers: [],
  problems: [],
  connections: [
    connection('journal', '3m', {
      Ready: ['True', 'Succeeded', 'Send to k3@in.example.com.'],
      Tested: ['True', 'Succeeded', ''],
      Archiving: ['True', 'Succeeded', ''],
      endpoint: 'k3@in.example.com',
    }),
    connection('new', '20s', {
      Ready: ['True', 'Succeeded', 'k4@in.example.com takes mail; no message has come yet.'],
      Tested: ['True', 'Succeeded', ''],
      Archiving: ['Unknown', 'AwaitingFirstMessage', ''],
      endpoint: 'k4@in.example.com',
    }),
    connection('undelivered', '3d', {
      Ready: ['False', 'AuthenticationFailed', 'imap.contoso.com refused the login: "NO \u001b[31mno\u001b[0m".'],
      Tested: ['False', 'AuthenticationFailed', ''],
      Archiving: ['False', 'AuthenticationFailed', ''],
      endpoint: 'undeliverable@imap.contoso.com:993/INBOX',
      backlog: '1000+',
    }),
  ],
};

export function connection(
  name: string,
  age: '20s' | '3m' | '3d',
  {
    Ready,
    Tested,
    Archiving,
    endpoint,
    backlog = '-',
  }: { Ready: Light; Tested: Light; Archiving: Light; endpoint: string; backlog?: string },
  namespace = 'contoso',
): Connection {
  const created = new Date(NOW - { '20s': 20_000, '3m': 180_000, '3d': 3 * 86_400_000 }[age]).toISOString();
  const conditions = Object.entries({ Ready, Tested, Archiving }).map(([type, [status, reason, message]]) => ({
    type,
    status,
    reason,
    message,
    observedGeneration: 1,
    lastTransitionTime: created,
  }));
  return {
    apiVersion: 'mailhold.dev/v1alpha1',
    kind: 'ArchiveConnection',
    metadata: { namespace, name, uid: name, generation: 1, creationTimestamp: created },
    spec: { state: 'Enabled', method: endpoint.includes(':') ? 'IMAP' : 'SMTP' },
    status: { conditions, endpoint, backlog },
  };
}
