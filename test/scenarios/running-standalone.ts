import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createTransport } from 'nodemailer';
import type { StandaloneStatus } from '../../operator/runtime/standalone/status-page.ts';
import { runStandalone, type Standalone, type StandaloneOptions } from '../../operator/runtime/standalone.ts';
import { checkKstatus } from '../kstatus.ts';
import { freePort } from '../peers/free-port.ts';

/** A folder of manifests, and Mailhold running on it with real workers. */
export interface RunningStandalone {
  folder: string;
  /** Port of the receiver, on 127.0.0.1. */
  port: number;
  /** The log of all processes so far, one JSON line each. */
  log: string[];
  /** The variables that secrets may come from; may be changed while it runs. */
  env: Record<string, string | undefined>;
  url(): string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Replaces a file of the folder in one step, as an editor does. */
  put(file: string, text: string): Promise<void>;
  remove(file: string): Promise<void>;
  status(): StandaloneStatus;
  /** Waits until the status is so; fails with what it was after 30 s. */
  until<T>(what: string, look: (status: StandaloneStatus) => T | undefined | false): Promise<T>;
}

const PATIENCE_MS = 30_000;

/** @param secrets texts that no status and no log line may hold */
export async function standaloneFolder(
  t: TestContext,
  { secrets = [], env = {} }: { secrets?: string[]; env?: Record<string, string> } = {},
): Promise<RunningStandalone> {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-scenario-'));
  const port = await freePort();
  const log: string[] = [];
  const variables: Record<string, string | undefined> = { PATH: process.env.PATH, ...env };
  let running: Standalone | undefined;
  const stop = async (): Promise<void> => {
    await running?.[Symbol.asyncDispose]();
    running = undefined;
  };
  t.after(async () => {
    await stop();
    // Workers of a process that was killed may still be writing their last records.
    await rm(folder, { recursive: true, maxRetries: 20, retryDelay: 100 });
    const leak = log.find((line) => secrets.some((secret) => line.includes(secret)));
    if (leak !== undefined) throw new Error(`a secret is in the log: ${leak}`);
  });
  const put = async (file: string, text: string): Promise<void> => {
    await writeFile(join(folder, `.${file}.new`), text);
    await rename(join(folder, `.${file}.new`), join(folder, file));
  };
  const here = (): Standalone => {
    if (running === undefined) throw new Error('Mailhold does not run');
    return running;
  };
  await put('gateway.yaml', gatewayManifest(port));
  return {
    folder,
    port,
    log,
    env: variables,
    put,
    stop,
    url: () => here().url,
    status: () => here().status(),
    remove: (file) => rm(join(folder, file)),
    start: async () => {
      const options: StandaloneOptions = {
        folder,
        http: '127.0.0.1:0',
        env: variables,
        write: (line) => log.push(line),
      };
      running = await runStandalone(options);
    },
    until: async (what, look) => {
      const patience = AbortSignal.timeout(PATIENCE_MS);
      for (;;) {
        const status = here().status();
        for (const object of [...status.connections, ...status.gateways, ...status.archives]) {
          checkKstatus(object, secrets);
        }
        const seen = look(status);
        if (seen !== undefined && seen !== false) return seen;
        if (patience.aborted) throw new Error(`not seen in ${PATIENCE_MS} ms: ${what}\n${shown(status)}\n${tail(log)}`);
        await here().changed(status.change, PATIENCE_MS, patience);
      }
    },
  };
}

/** `Ready: True Succeeded`, and the like, of one connection. */
export function light(status: StandaloneStatus, name: string, type = 'Ready'): string | undefined {
  const connection = status.connections.find(({ metadata }) => metadata.name === name);
  const condition = connection?.status?.conditions?.find((it) => it.type === type);
  return condition === undefined ? undefined : `${condition.status} ${condition.reason}`;
}

export function message(status: StandaloneStatus, name: string, type = 'Ready'): string {
  const connection = status.connections.find(({ metadata }) => metadata.name === name);
  return connection?.status?.conditions?.find((it) => it.type === type)?.message ?? '';
}

export function connectionManifest(name: string, spec: object): string {
  return JSON.stringify({
    apiVersion: 'mailhold.dev/v1alpha1',
    kind: 'ArchiveConnection',
    metadata: { namespace: 'contoso', name },
    spec,
  });
}

function gatewayManifest(port: number): string {
  return `apiVersion: mailhold.dev/v1alpha1
kind: MailArchive
metadata: {namespace: mailhold, name: main}
spec:
  volume: {path: archive}
  reserve: 1Mi
---
apiVersion: mailhold.dev/v1alpha1
kind: MailGateway
metadata: {namespace: mailhold, name: default}
spec:
  hostName: in.archive.example.com
  journalDomain: in.archive.example.com
  archiveRef: {name: main}
  role: Default
  allowedNamespaces: {from: All}
  receiver: {listen: {address: 127.0.0.1, port: ${port}}}
  egress: {allow: [127.0.0.0/8, '::1/128']}
`;
}

function shown(status: StandaloneStatus): string {
  const lines = [...status.gateways, ...status.connections].flatMap(({ kind, metadata, status: of }) =>
    (of?.conditions ?? []).map((it) => `${kind} ${metadata.name} ${it.type}=${it.status} ${it.reason}: ${it.message}`),
  );
  return [...lines, JSON.stringify(status.workers), JSON.stringify(status.problems)].join('\n');
}

function tail(log: readonly string[]): string {
  return log.slice(-20).join('');
}

/** The spec of the connection that {@link runningJournal} runs. */
export const SMTP = { method: 'SMTP', smtp: { source: 'Office365' } };

/** Mailhold with one SMTP connection, `journal`, that is green. */
export async function runningJournal(t: TestContext): Promise<RunningStandalone> {
  const mailhold = await standaloneFolder(t);
  await mailhold.put('journal.yaml', connectionManifest('journal', SMTP));
  await mailhold.start();
  await mailhold.until('green', (status) => light(status, 'journal') === 'True Succeeded');
  return mailhold;
}

/** By role. */
export function pids({ workers }: ReturnType<RunningStandalone['status']>): Record<string, number | undefined> {
  return Object.fromEntries(workers.map(({ role, pid }) => [role, pid]));
}

/** Sends one message with the null reverse-path over STARTTLS, and verifies the certificate that Mailhold issued. */
export async function send(mailhold: RunningStandalone, to: string): Promise<void> {
  const ca = await readFile(join(mailhold.folder, '.mailhold', 'certificates', 'mailhold_default.pem'), 'utf8');
  const transport = createTransport({
    host: '127.0.0.1',
    port: mailhold.port,
    requireTLS: true,
    tls: { ca, servername: 'in.archive.example.com' },
  });
  try {
    await transport.sendMail({ envelope: { from: '', to }, raw: 'Subject: report\r\n\r\nbody\r\n' });
  } finally {
    transport.close();
  }
}
