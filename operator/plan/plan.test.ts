import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkKstatus } from '../../test/kstatus.ts';
import { attempt, IMAP, later, light, MINUTE, NOW, PASSWORD, SMTP, sceneOf, served } from '../../test/plan-scene.ts';
import { findCondition } from '../api/conditions.ts';
import { backlogColumn } from './backlog.ts';
import { BUCKETS, bucketOf } from './bucket.ts';
import { DENIED_RANGES, egressOf } from './egress.ts';
import { type Plan, type PlanInput, plan } from './plan.ts';
import { canonicalJSON } from './revision.ts';
import { sameArchiveForWriting, sameForWriting, sameGatewayForWriting } from './same.ts';

test('a set of manifests becomes what each worker is to serve', () => {
  const { gateways, connections, archives } = plan(sceneOf(SMTP, IMAP));
  const gateway = gateways.get('contoso/default');
  assert.ok(gateway);
  assert.deepEqual(gateway.receiver?.archive, { path: '/srv/mailhold/mail', reserveBytes: 2 ** 30 });
  assert.equal(gateway.receiver?.hostName, 'in.archive.example.com');
  assert.deepEqual(gateway.receiver?.selfTest.dial, { address: '127.0.0.1', port: 2525 });
  assert.equal(gateway.receiver?.limits.bytesInFlight, 32 * 2 ** 20);
  assert.ok(gateway.pollers[0]?.egress.deny.includes('127.0.0.0/8'));
  const [smtp] = gateway.receiverEntries;
  assert.equal(smtp?.localParts.length, 1);
  const [imap] = gateway.pollerEntries.flat();
  assert.deepEqual(
    [imap?.host, imap?.port, imap?.password, imap?.pollIntervalMs],
    ['imap.contoso.com', 993, PASSWORD, 60_000],
  );
  assert.equal(connections.size, 2);
  assert.equal(archives.size, 1);
  assert.equal(JSON.stringify(gateway.receiver).includes(PASSWORD), false, 'receivers never get a mailbox password');
});

test('planning is pure: the same input gives the same plan, and nothing of it is changed', () => {
  const input = deepFreeze(served(sceneOf(SMTP, IMAP)));
  assert.deepEqual(plan(input), plan(input));
});

test('a revision changes with any part of an entry, the password too, and with nothing else', () => {
  const input = sceneOf(IMAP);
  const revision = (it: PlanInput) => plan(it).gateways.get('contoso/default')?.pollerEntries[0]?.[0]?.revision;
  const [uid = ''] = input.secrets.keys();
  const secrets = new Map([[uid, { kind: 'password', password: 'other', hosts: 'imap.contoso.com' } as const]]);
  assert.notEqual(revision({ ...input, secrets }), revision(input));
  assert.equal(revision({ ...input, now: NOW + MINUTE }), revision(input));
  assert.equal(revision(served(input)), revision(input));
  assert.equal(canonicalJSON({ b: 1, a: { d: [2], c: undefined } }), '{"a":{"d":[2]},"b":1}');
});

test('a password is sent to a host that it names, and nowhere else', () => {
  const input = sceneOf(IMAP);
  const [uid = ''] = input.secrets.keys();
  const cases: [string | undefined, boolean][] = [
    ['imap.contoso.com', true],
    ['login.contoso.com, IMAP.contoso.com', true],
    ['contoso.com', false],
    ['ximap.contoso.com', false],
    ['', false],
    [undefined, false],
  ];
  for (const [hosts, sent] of cases) {
    const secret = { kind: 'password', password: PASSWORD, ...(hosts !== undefined && { hosts }) } as const;
    const planned = plan(served({ ...input, secrets: new Map([[uid, secret]]) }));
    const entry = planned.connections.get(uid)?.entry;
    assert.equal(entry?.method === 'IMAP' && entry.password !== undefined, sent, String(hosts));
    const { light: lit, message } = light(planned, 'undelivered', 'Ready');
    assert.equal(lit, sent ? 'True Succeeded' : 'False SecretNotForHost');
    if (!sent) assert.match(message, /Write host: ".*imap\.contoso\.com" in spec\.imap\.passwordRef\./);
  }
});

test('on Kubernetes the message for a Secret that names no host is the command to run', () => {
  const input = sceneOf(IMAP);
  const [uid = ''] = input.secrets.keys();
  const named = input.connections.map((it) => ({
    ...it,
    spec: { ...it.spec, ...(it.spec.imap && { imap: { ...it.spec.imap, passwordRef: { name: 'mail' } } }) },
  }));
  const secrets = new Map([[uid, { kind: 'password', password: PASSWORD, hosts: 'login.contoso.com' } as const]]);
  const planned = plan({ ...input, platform: 'kubernetes', connections: named, secrets });
  assert.match(
    light(planned, 'undelivered', 'Ready').message,
    /kubectl annotate secret mail -n contoso --overwrite mailhold\.dev\/host=login\.contoso\.com,imap\.contoso\.com$/,
  );
});

test('a namespace beyond its quota keeps its older connections', () => {
  const input = sceneOf(...['a', 'b', 'c'].map((name) => SMTP.replace('name: journal', `name: ${name}`)));
  const gateways = input.gateways.map((it) => ({ ...it, spec: { ...it.spec, connectionsPerNamespace: 2 } }));
  const planned = plan(served({ ...input, gateways }));
  assert.equal(light(planned, 'b', 'Ready').light, 'True Succeeded');
  assert.equal(light(planned, 'c', 'Ready').light, 'False QuotaExceeded');
  assert.equal(planned.gateways.get('contoso/default')?.receiverEntries.length, 2);
});

test('a set is planned again when an address retires', () => {
  const raised = sceneOf(
    SMTP.replace('source: Office365', 'source: Office365, addressGeneration: 2, retireAfter: 90s'),
  );
  const planned = plan(served(raised));
  assert.equal(planned.retryAt, NOW + 90_000);
  const [entry] = planned.gateways.get('contoso/default')?.receiverEntries ?? [];
  assert.equal(entry?.localParts.length, 2);
  const after = plan(later(served(raised), 90_000)).gateways.get('contoso/default')?.receiverEntries[0];
  assert.deepEqual(after?.localParts, entry?.localParts.slice(0, 1));
});

test('a mailbox behind STARTTLS has port 143, unless another is named', () => {
  const port = (imap: string) =>
    plan(sceneOf(IMAP.replace('imap: {', `imap: {${imap}, `))).gateways.get('contoso/default')?.pollerEntries[0]?.[0]
      ?.port;
  assert.equal(port('security: STARTTLS'), 143);
  assert.equal(port('security: STARTTLS, port: 1143'), 1143);
  assert.equal(port('security: TLS'), 993);
});

test('what may be dialled: not loopback, link-local and the cluster, but what the gateway allows', () => {
  const spec = { allow: ['127.0.0.0/8'], deny: ['10.1.0.0/16'], clusterRanges: ['10.3.0.0/16'] };
  assert.deepEqual(egressOf(spec, ['10.2.0.0/16']), {
    deny: [...DENIED_RANGES, '10.2.0.0/16', '10.3.0.0/16', '10.1.0.0/16'],
    allow: ['127.0.0.0/8'],
  });
});

test('backlog is what waits for longer than it takes, or is many', () => {
  const [connection] = sceneOf(IMAP).connections;
  const column = (waiting: number, minutes: number) => {
    const since = new Date(NOW - minutes * MINUTE).toISOString();
    const source = {
      folder: 'INBOX',
      at: since,
      exists: 9,
      uidNext: 9,
      uidValidity: '7',
      waiting,
      oldestWaitingSince: since,
    };
    return connection && backlogColumn(connection, source, NOW);
  };
  const cases: [number, number, string][] = [
    [0, 0, '0'],
    [9, 2, '0'],
    [9, 2.1, '1+'],
    [99, 0, '0'],
    [100, 0, '100+'],
    [999, 60, '100+'],
    [1_000, 60, '1000+'],
    [43_210, 60, '10000+'],
  ];
  for (const [waiting, minutes, shown] of cases)
    assert.equal(column(waiting, minutes), shown, `${waiting} for ${minutes} min`);
});

test('a time that was known is not lost when the worker starts anew', () => {
  const stored = new Date(NOW - MINUTE).toISOString();
  const before = later(served(sceneOf(SMTP), { facts: () => ({ lastStoredAt: stored }) }), 1_000);
  const [anew] = plan(served(before)).connections.values();
  assert.equal(anew?.status.lastStoredTime, stored);
  const newer = new Date(NOW).toISOString();
  const [next] = plan(served(before, { facts: () => ({ lastStoredAt: newer }) })).connections.values();
  assert.equal(next?.status.lastStoredTime, newer);
});

test('connections spread over all buckets, each always in the same', () => {
  const uids = Array.from({ length: 2_000 }, (_, index) => `uid-${index}`);
  const sizes = [...Map.groupBy(uids, bucketOf).values()].map(({ length }) => length);
  assert.equal(sizes.length, BUCKETS);
  assert.ok(Math.max(...sizes) < 200, 'no bucket is crowded');
  assert.deepEqual(['uid-0', 'uid-1', 'uid-2'].map(bucketOf), [2, 10, 15]);
});

interface GatewayCase {
  state: string;
  input: () => PlanInput;
  ready: string;
  says?: RegExp;
}

const gatewayCases: GatewayCase[] = [
  { state: 'serves', input: () => served(sceneOf(SMTP)), ready: 'True Succeeded', says: /^Takes mail for in\.archive/ },
  { state: 'has not been started', input: () => sceneOf(SMTP), ready: 'Unknown Progressing' },
  { state: 'has no archive', input: () => ({ ...sceneOf(SMTP), archives: [] }), ready: 'False NoArchive' },
  {
    state: 'has no key yet',
    input: () => ({ ...sceneOf(SMTP), material: new Map() }),
    ready: 'Unknown Progressing',
  },
  {
    state: 'has another key than before',
    input: () => {
      const before = later(served(sceneOf(SMTP)), 1_000);
      const material = new Map(
        [...before.material].map(([key, it]) => [key, { ...it, addressKey: Buffer.alloc(32, 8) }]),
      );
      return { ...before, material };
    },
    ready: 'False AddressKeyChanged',
    says: /has the fingerprint [0-9a-f]{16}, and this gateway used [0-9a-f]{16} before\./,
  },
  {
    state: 'has a certificate that cannot be used',
    input: () => {
      const input = served(sceneOf(SMTP));
      const certificateFault = { reason: 'CertificateInvalid', message: 'tls.crt has expired.' } as const;
      return {
        ...input,
        material: new Map([...input.material].map(([key, it]) => [key, { ...it, certificateFault }])),
      };
    },
    ready: 'False CertificateInvalid',
  },
  {
    state: 'cannot listen',
    input: () =>
      served(sceneOf(SMTP), {
        group: ({ role }) =>
          role === 'receiver' ? { fault: { code: 'ListenFailed', retry: 'later', message: 'Port 2525 is taken' } } : {},
      }),
    ready: 'False ListenFailed',
  },
  {
    state: 'has a silent worker',
    input: () => served(sceneOf(SMTP), { answeredAt: NOW - 3 * MINUTE }),
    ready: 'Unknown WorkerUnreachable',
  },
];

for (const { state, input, ready, says } of gatewayCases) {
  test(`a gateway that ${state} shows so`, () => {
    const [planned] = plan(input()).gateways.values();
    assert.ok(planned);
    checkKstatus({ ...planned.gateway, status: planned.status });
    const condition = findCondition(planned.status.conditions, 'Ready');
    assert.equal(`${condition?.status} ${condition?.reason}`, ready);
    if (says !== undefined) assert.match(condition?.message ?? '', says);
  });
}

test('another address key is not served, and the old one is not forgotten', () => {
  const changed = gatewayCases.find(({ ready }) => ready === 'False AddressKeyChanged')?.input();
  assert.ok(changed);
  const planned = plan(changed);
  assert.equal(light(planned, 'journal', 'Ready').light, 'False AddressKeyChanged');
  assert.equal(planned.gateways.get('contoso/default')?.receiverEntries.length, 0);
  const before = changed.gateways[0]?.status?.addressKeyFingerprint;
  assert.equal(planned.gateways.get('contoso/default')?.status.addressKeyFingerprint, before);
});

test('a certificate that Mailhold issued is a warning of the gateway, which stays green', () => {
  const input = served(sceneOf(SMTP));
  const certificate = { certificate: 'certificate', privateKey: 'key', issuedByUs: true };
  const material = new Map([...input.material].map(([key, it]) => [key, { ...it, certificate }]));
  const [planned] = plan(served({ ...input, material })).gateways.values();
  assert.equal(planned?.status.warnings?.[0]?.reason, 'CertificateNotPublic');
  assert.match(findCondition(planned?.status.conditions, 'Ready')?.message ?? '', /CertificateNotPublic: /);
});

test('an archive shows what keeps it from being written, and that nobody uses it', () => {
  const lightOf = (planned: Plan) => {
    const [found] = planned.archives.values();
    assert.ok(found);
    checkKstatus({ ...found.archive, status: found.status });
    const condition = findCondition(found.status.conditions, 'Ready');
    return `${condition?.status} ${condition?.reason} ${found.status.free ?? ''}`.trim();
  };
  assert.equal(lightOf(plan(served(sceneOf(SMTP)))), 'True Succeeded 400Gi');
  assert.equal(lightOf(plan({ ...sceneOf(SMTP), gateways: [] })), 'True NotInUse');
  assert.equal(lightOf(plan(sceneOf(SMTP))), 'Unknown Progressing');
  const fault = { code: 'ArchiveFull', retry: 'later', message: 'Full.' } as const;
  assert.equal(lightOf(plan(served(sceneOf(SMTP), { group: () => ({ fault }) }))), 'False ArchiveFull 400Gi');
  const refused = { ...fault, code: 'ArchiveNotWritable' } as const;
  const poller = served(sceneOf(SMTP), { group: ({ role }) => (role === 'poller' ? { fault: refused } : {}) });
  assert.equal(lightOf(plan(poller)), 'False ArchiveNotWritable 400Gi', 'any of its writers is heard');
});

test('numbers and times that move are no reason to write a status', () => {
  const before = later(served(sceneOf(SMTP, IMAP), busy(1)), 30_000);
  const after = plan({ ...served(before, busy(2)), now: NOW + 30_000 });
  for (const { connection, status } of after.connections.values()) {
    assert.notDeepEqual(status, connection.status, 'they differ');
    assert.ok(sameForWriting(status, connection.status), connection.metadata.name);
  }
  for (const { gateway, status } of after.gateways.values()) assert.ok(sameGatewayForWriting(status, gateway.status));
  for (const { archive, status } of after.archives.values()) assert.ok(sameArchiveForWriting(status, archive.status));
});

test('a light that turns, a failed test and a new kind of refusal are reasons to write', () => {
  const before = later(served(sceneOf(SMTP)), 1_000);
  const [connection] = before.connections;
  const status = (input: PlanInput) => plan(input).connections.get(connection?.metadata.uid ?? '')?.status;
  const refusal = { reply: '450 4.7.1', count: 1, lastAt: new Date(NOW).toISOString(), lastPeer: '192.0.2.1' };
  const changes: [string, PlanInput][] = [
    ['a first message', served(before, { facts: () => ({ lastStoredAt: new Date(NOW).toISOString() }) })],
    ['a new refusal', served(before, { facts: () => ({ refusals: [refusal] }) })],
    [
      'a failed test',
      served(before, {
        facts: (entry) => ({ attempt: attempt(entry, { code: 'TLSFailed', retry: 'later', message: 'No.' }) }),
      }),
    ],
    ['a silent worker', { ...before, now: NOW + 5 * MINUTE }],
  ];
  for (const [name, input] of changes) assert.ok(!sameForWriting(connection?.status, status(input)), name);
  assert.ok(!sameForWriting(undefined, connection?.status), 'the first status');
});

/** Facts that have moved on by `step` without anything having changed. */
function busy(step: number) {
  const at = new Date(NOW - 60_000 + step * 1_000).toISOString();
  return {
    facts: (entry: Parameters<typeof attempt>[0]) => ({
      attempt: { ...attempt(entry, undefined, NOW - 60_000 + step * 1_000), trigger: 'schedule' as const },
      lastStoredAt: at,
      counts: { begun: step, stored: step, storedBytes: 9 * step, deferred: 0, rejected: 0, cut: 0, deleted: 0 },
      refusals: [{ reply: '450 4.7.1', count: step, lastAt: '2026-11-25T09:00:00Z', lastPeer: `192.0.2.${step}` }],
      ...(entry.method === 'IMAP' && {
        source: {
          folder: 'INBOX',
          at,
          exists: step,
          uidNext: step + 1,
          uidValidity: '7',
          waiting: step,
          oldestWaitingSince: at,
        },
      }),
    }),
    group: () => ({ archive: { id: 'archive', freeBytes: 5e11 - step, lastCommitAt: at } }),
  };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    Object.values(value).forEach(deepFreeze);
    if (value instanceof Map) value.forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
