import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../peers/free-port.ts';
import { ADDRESSES } from './addresses.ts';
import { apiGet } from './api-call.ts';
import type { Binaries, ControlPlaneProgram } from './binaries.ts';
import { certificateAuthority, type Subject, signingKey } from './certificates.ts';
import { type Place, type Program, startProgram } from './program.ts';

export interface ControlPlane extends AsyncDisposable {
  url: string;
  /** File of a user who may do everything. */
  kubeconfig: string;
  /** Writes a kubeconfig for one more user. @returns its path */
  userConfig(subject: Subject): Promise<string>;
  /** The body of a GET; rejects where it does not answer 200. */
  get(path: string): Promise<string>;
  /** Path of the PEM of the authority that all certificates are of. */
  authority: string;
}

export interface ControlPlaneOptions {
  place: Place;
  binaries: Binaries;
  /** Of the API server, on every address of the place where it has a node, else on loopback. */
  port: number;
  /** Where the place has a network of its own: the address that pods and the kubelet find the API server at. */
  nodeAddress?: string;
}

/** etcd, the API server and the controller manager, with a certificate authority of their own. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { place, binaries, port, nodeAddress } = options;
  const { folder } = place;
  const url = `https://127.0.0.1:${port}`;
  const keys = join(folder, 'keys');
  await mkdir(keys, { recursive: true });
  const authority = await certificateAuthority();
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(keys, name), text, { mode: 0o600 });
    return join(keys, name);
  };
  const userConfig = async (subject: Subject): Promise<string> => {
    const { certificate, privateKey } = await authority.issue(subject);
    return file(
      `${subject.name.replaceAll(':', '-')}.kubeconfig`,
      kubeconfig(url, authority.certificate, certificate, privateKey),
    );
  };
  const admin = await authority.issue({ name: 'admin', groups: ['system:masters'] });
  const get = (path: string): Promise<string> => apiGet({ url, authority: authority.certificate, ...admin }, path);

  await using stack = new AsyncDisposableStack();
  const start = async (name: ControlPlaneProgram, args: string[]): Promise<Program> =>
    stack.use(await startProgram(place, name, binaries[name], args));

  const clients = `http://127.0.0.1:${await freePort()}`;
  const peers = `http://127.0.0.1:${await freePort()}`;
  await start('etcd', [
    `--data-dir=${join(folder, 'etcd')}`,
    '--unsafe-no-fsync',
    `--listen-client-urls=${clients}`,
    `--advertise-client-urls=${clients}`,
    `--listen-peer-urls=${peers}`,
    `--initial-advertise-peer-urls=${peers}`,
    `--initial-cluster=default=${peers}`,
  ]);

  const serving = await authority.issue({
    name: 'kube-apiserver',
    hosts: [
      'localhost',
      '127.0.0.1',
      ADDRESSES.apiService,
      'kubernetes.default.svc',
      ...(nodeAddress === undefined ? [] : [nodeAddress]),
    ],
  });
  const kubeletClient = await authority.issue({ name: 'kube-apiserver', groups: ['system:masters'] });
  const tokens = await signingKey();
  const ca = await file('ca.pem', authority.certificate);
  const tokenKey = await file('tokens.key', tokens.privateKey);
  const apiServer = await start('kube-apiserver', [
    `--etcd-servers=${clients}`,
    `--secure-port=${port}`,
    `--service-cluster-ip-range=${ADDRESSES.services}`,
    `--client-ca-file=${ca}`,
    `--tls-cert-file=${await file('serving.pem', serving.certificate)}`,
    `--tls-private-key-file=${await file('serving.key', serving.privateKey)}`,
    `--kubelet-client-certificate=${await file('kubelet-client.pem', kubeletClient.certificate)}`,
    `--kubelet-client-key=${await file('kubelet-client.key', kubeletClient.privateKey)}`,
    '--kubelet-preferred-address-types=InternalIP',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${await file('tokens.pem', tokens.publicKey)}`,
    `--service-account-signing-key-file=${tokenKey}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged',
    // A loopback address is no endpoint of the Service `kubernetes`, and without a node nobody asks that Service.
    ...(nodeAddress === undefined
      ? ['--bind-address=127.0.0.1', '--endpoint-reconciler-type=none']
      : ['--bind-address=0.0.0.0', `--advertise-address=${nodeAddress}`]),
  ]);
  const controllers = await start('kube-controller-manager', [
    `--kubeconfig=${await userConfig({ name: 'controllers', groups: ['system:masters'] })}`,
    `--root-ca-file=${ca}`,
    `--service-account-private-key-file=${tokenKey}`,
    '--leader-elect=false',
    '--secure-port=0',
  ]);
  await apiServer.ready(() => get('/readyz'));
  // Pods are refused until their service account is there.
  await controllers.ready(() => get('/api/v1/namespaces/default/serviceaccounts/default'));

  const kept = stack.move();
  return {
    url,
    kubeconfig: await file('kubeconfig', kubeconfig(url, authority.certificate, admin.certificate, admin.privateKey)),
    userConfig,
    get,
    authority: ca,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** In JSON, which is YAML. */
function kubeconfig(url: string, authority: string, certificate: string, privateKey: string): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority-data': base64(authority) } }],
    users: [
      {
        name: 'user',
        user: { 'client-certificate-data': base64(certificate), 'client-key-data': base64(privateKey) },
      },
    ],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'user' } }],
    'current-context': 'test',
  });
}
