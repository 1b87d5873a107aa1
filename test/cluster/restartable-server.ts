import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../peers/free-port.ts';
import { binaries } from './binaries.ts';
import { certificateAuthority } from './certificates.ts';
import { type Program, startProgram } from './program.ts';

export interface RestartableServer extends AsyncDisposable {
  /** Of the API server, on 127.0.0.1; the same after a restart. */
  port: number;
  /** PEM texts of a user who may do everything. */
  user: { certificate: string; privateKey: string; authority: string };
  /** Kills the API server and starts it anew: it then knows no version of before. */
  restart(): Promise<void>;
  /** Makes etcd forget all versions but the last. */
  compact(): Promise<void>;
}

/**
 * etcd and an API server with nothing else, of a test's own: what is done to it would disturb those who share a cluster.
 */
export async function startRestartableServer(): Promise<RestartableServer> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-restartable-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const programs = await binaries(false, (line) => console.error(line));
  const authority = await certificateAuthority();
  const user = await authority.issue({ name: 'admin', groups: ['system:masters'] });
  const serving = await authority.issue({ name: 'kube-apiserver', hosts: ['127.0.0.1'] });
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const key = await file('serving.key', serving.privateKey);
  const certificate = await file('serving.pem', serving.certificate);
  const ca = await file('ca.pem', authority.certificate);
  const port = await freePort();
  const etcd = `http://127.0.0.1:${await freePort()}`;
  const peers = `http://127.0.0.1:${await freePort()}`;
  const start = (name: 'etcd' | 'kube-apiserver', args: string[]): Promise<Program> =>
    startProgram({ folder, enter: [] }, name, programs[name], args);

  stack.use(
    await start('etcd', [
      `--data-dir=${join(folder, 'etcd')}`,
      '--unsafe-no-fsync',
      `--listen-client-urls=${etcd}`,
      `--advertise-client-urls=${etcd}`,
      `--listen-peer-urls=${peers}`,
      `--initial-advertise-peer-urls=${peers}`,
      `--initial-cluster=default=${peers}`,
    ]),
  );
  const startApiServer = async (): Promise<Program> => {
    const program = await start('kube-apiserver', [
      `--etcd-servers=${etcd}`,
      `--secure-port=${port}`,
      '--bind-address=127.0.0.1',
      '--endpoint-reconciler-type=none',
      `--client-ca-file=${ca}`,
      `--tls-cert-file=${certificate}`,
      `--tls-private-key-file=${key}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${certificate}`,
      `--service-account-signing-key-file=${key}`,
      '--authorization-mode=RBAC',
    ]);
    await program.ready(() =>
      isReady(port, { ca: authority.certificate, cert: user.certificate, key: user.privateKey }),
    );
    return program;
  };
  let apiServer = await startApiServer();
  stack.defer(() => apiServer[Symbol.asyncDispose]());

  const kept = stack.move();
  return {
    port,
    user: { ...user, authority: authority.certificate },
    restart: async () => {
      await apiServer[Symbol.asyncDispose]();
      apiServer = await startApiServer();
    },
    compact: async () => {
      const now = (await ask(`${etcd}/v3/kv/range`, { key: btoa('/') })) as { header: { revision: string } };
      await ask(`${etcd}/v3/kv/compaction`, { revision: now.header.revision, physical: true });
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** etcd's gRPC as JSON: https://etcd.io/docs/v3.6/dev-guide/api_grpc_gateway/ */
async function ask(url: string, body: object): Promise<unknown> {
  const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`etcd answers ${answer.status}: ${text}`);
  return JSON.parse(text);
}

function isReady(port: number, options: { ca: string; cert: string; key: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    get(`https://127.0.0.1:${port}/readyz`, { ...options, agent: false }, (answer) => {
      answer.resume();
      if (answer.statusCode === 200) resolve();
      else reject(new Error(`/readyz answers ${answer.statusCode}`));
    }).once('error', reject);
  });
}
