import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BUSYBOX, BUSYBOX_IMAGE } from './busybox-image.ts';
import { type ClusterWithNode, requirements, startCluster } from './cluster.ts';

const NAMESPACE = 'node-test';
const skip = (await requirements({ node: true })) ?? false;
const options = { skip, timeout: 60_000 };
const PATIENCE = '--timeout=30s';

let cluster: ClusterWithNode;

before(async () => {
  if (skip) return;
  cluster = await startCluster({ node: true });
  await kubectl(['create', 'namespace', NAMESPACE]);
});

after(async () => {
  if (skip) return;
  await kubectl(['delete', 'namespace', NAMESPACE, '--wait=false']);
  await cluster[Symbol.asyncDispose]();
});

test('a pod runs, and its Service is reached from the node, from another pod and from itself', options, async () => {
  await apply(pod('web', { args: ['httpd', '-f', '-p', '8080', '-h', '/etc'], labels: { app: 'web' } }));
  const ports = [{ port: 80, targetPort: 8080 }];
  await apply({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: { selector: { app: 'web' }, ports },
  });
  await apply(pod('other', {}));
  await kubectl(['wait', 'pod/web', 'pod/other', '--for=condition=Ready', PATIENCE]);
  const address = await kubectl(['get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}']);
  // The Service's address leads nowhere until kube-proxy has seen the pod.
  const request = String.raw`printf 'GET /hostname HTTP/1.0\r\n\r\n'`;
  const ask = `for i in $(seq 50); do ${request} | nc -w 2 ${address} 80 && break; sleep 0.1; done`;
  const fromNode = await cluster.run(BUSYBOX, ['sh', '-c', ask]);
  assert.match(fromNode.stdout, /\nweb$/m, fromNode.stderr);
  for (const from of ['other', 'web']) {
    assert.match(await kubectl(['exec', from, '--', 'sh', '-c', ask]), /\nweb$/m, from);
  }
});

test('a Secret that is made after the pod appears in it once the pod is annotated', options, async () => {
  const volumes = [{ name: 'later', secret: { secretName: 'later', optional: true } }];
  await apply(pod('waiting', { volumes, volumeMounts: [{ name: 'later', mountPath: '/later' }] }));
  await kubectl(['wait', 'pod/waiting', '--for=condition=Ready', PATIENCE]);
  assert.equal(await kubectl(['exec', 'waiting', '--', 'ls', '/later']), '');
  await kubectl(['create', 'secret', 'generic', 'later', '--from-literal=word=seen']);
  await kubectl(['annotate', 'pod', 'waiting', 'mailhold.test/look=again']);
  const look = 'for i in $(seq 100); do test -e /later/word && break; sleep 0.1; done; cat /later/word';
  assert.equal(await kubectl(['exec', 'waiting', '--', 'sh', '-c', look]), 'seen');
});

test('a restricted pod writes to a claimed volume by its group, and the file is seen from outside', {
  skip,
}, async () => {
  const claim = { accessModes: ['ReadWriteMany'], resources: { requests: { storage: '1Gi' } } };
  await apply({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'archive' }, spec: claim });
  const writer = pod('writer', {
    volumes: [{ name: 'archive', persistentVolumeClaim: { claimName: 'archive' } }],
    volumeMounts: [{ name: 'archive', mountPath: '/archive' }],
  });
  await apply(writer);
  await kubectl(['wait', 'pod/writer', '--for=condition=Ready', PATIENCE]);
  await kubectl(['exec', 'writer', '--', 'sh', '-c', 'echo kept >/archive/mail']);
  const volume = await kubectl(['get', 'pvc', 'archive', '-o', 'jsonpath={.spec.volumeName}']);
  assert.equal(await readFile(join(cluster.volumePath(volume), 'mail'), 'utf8'), 'kept\n');
  await kubectl(['delete', 'pod', 'writer', '--grace-period=0', '--force']);
});

test('a pod reaches a server of the test by its name, and no name that was not added', options, async () => {
  await cluster.addHost('imap.example.net', '203.0.113.20');
  const serve =
    "net.createServer((it) => it.end('hello\\n')).listen(143, '203.0.113.20', () => console.log('listens'))";
  const server = cluster.spawn(process.execPath, ['-e', serve], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    if (server.stdout) await once(server.stdout, 'data');
    await apply(pod('client', {}));
    await kubectl(['wait', 'pod/client', '--for=condition=Ready', PATIENCE]);
    assert.equal(
      await kubectl(['exec', 'client', '--', 'sh', '-c', 'nc -w 5 imap.example.net 143 </dev/null']),
      'hello\n',
    );
    const unknown = await cluster.kubectl(['-n', NAMESPACE, 'exec', 'client', '--', 'nslookup', 'pop.example.net']);
    assert.match(unknown.stdout, /NXDOMAIN/);
  } finally {
    server.kill('SIGKILL');
  }
});

test('logs of a pod are read through the API server', options, async () => {
  await apply(pod('speaker', { args: ['sh', '-c', 'echo spoken; sleep 1000'] }));
  await kubectl(['wait', 'pod/speaker', '--for=condition=Ready', PATIENCE]);
  assert.equal(await kubectl(['logs', 'speaker']), 'spoken\n');
});

interface PodOptions {
  args?: string[];
  labels?: Record<string, string>;
  volumes?: object[];
  volumeMounts?: object[];
}

/** One that a `restricted` namespace takes. */
function pod(
  name: string,
  { args = ['sleep', '1000'], labels = {}, volumes = [], volumeMounts = [] }: PodOptions,
): object {
  const container = {
    name: 'main',
    image: BUSYBOX_IMAGE,
    imagePullPolicy: 'Never',
    args,
    volumeMounts,
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
  };
  const securityContext = {
    runAsNonRoot: true,
    runAsUser: 1000,
    fsGroup: 2000,
    seccompProfile: { type: 'RuntimeDefault' },
  };
  const spec = { containers: [container], volumes, securityContext, terminationGracePeriodSeconds: 0 };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec };
}

async function apply(object: object): Promise<void> {
  await kubectl(['apply', '-f', '-'], JSON.stringify(object));
}

async function kubectl(args: string[], input = ''): Promise<string> {
  const { stdout, stderr, code } = await cluster.kubectl(['-n', NAMESPACE, ...args], { input });
  assert.equal(code, 0, `kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
}
