import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { PollerGroup } from '../../../workers/process/contract.ts';
import { systemClock } from '../clock.ts';
import { createEventLog } from './event-log.ts';
import { createFleet, type Fleet } from './fleet.ts';
import { openState } from './state.ts';

// The worker here is a stand-in that only answers its status: which processes run, and when, is what matters. Real
// workers run in test/scenarios/standalone.test.ts.
const PROGRAM = `
import { createServer } from 'node:http';
import { readFileSync, rmSync } from 'node:fs';
const [, , , folder, , socket] = process.argv;
rmSync(socket, { force: true });
process.stdin.resume().once('end', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
createServer((request, response) => {
  if (request.url.includes('epoch=' + process.pid + '&')) return;
  const group = JSON.parse(readFileSync(folder + '/group/config.json', 'utf8'));
  response.end(JSON.stringify({ version: 1, epoch: String(process.pid), change: 1, complete: true, connections: [],
    removed: [], group: { gateway: group.gateway, role: group.role, revision: group.revision, ready: true } }));
}).listen(socket);
`;

const group = (name: string, revision = 'g1'): PollerGroup => ({
  version: 1,
  role: 'poller',
  shard: { index: 0, count: 1 },
  revision,
  gateway: { namespace: 'mailhold', name },
  archive: { path: '/archive', reserveBytes: 1 },
  bytesInFlight: 1,
  egress: { deny: [], allow: [] },
});

async function fixture(t: TestContext): Promise<{ fleet: Fleet; until: (holds: () => boolean) => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-fleet-'));
  const program = join(folder, 'worker.mjs');
  await writeFile(program, PROGRAM);
  let told = Promise.withResolvers<void>();
  const fleet = createFleet({
    state: await openState(join(folder, 'state')),
    socketFolder: folder,
    programs: { receiver: program, poller: program },
    env: process.env,
    bucketOf: () => 0,
    clock: systemClock,
    log: createEventLog(() => undefined, systemClock),
    onChange: () => told.resolve(),
    onRestart: () => undefined,
  });
  t.after(async () => {
    await fleet.stop();
    await rm(folder, { recursive: true });
  });
  const until = async (holds: () => boolean): Promise<void> => {
    const late = setTimeout(
      () => told.reject(new Error(`not reached: ${JSON.stringify(fleet.workers().map(({ shown }) => shown))}`)),
      10_000,
    );
    while (!holds()) {
      await told.promise;
      told = Promise.withResolvers();
    }
    clearTimeout(late);
  };
  return { fleet, until };
}

const one = { namespace: 'mailhold', name: 'one' };
const two = { namespace: 'mailhold', name: 'two' };

test('a worker runs for each group, goes on without a plan, and stops with its gateway', async (t) => {
  const { fleet, until } = await fixture(t);
  const entries: [] = [];
  await fleet.bring(
    [
      { group: group('one'), entries },
      { group: group('two'), entries },
    ],
    [one, two],
  );
  await until(() => [one, two].every((gateway) => fleet.worker(gateway, 'poller')?.facts !== undefined));
  const pids = fleet.workers().map(({ shown }) => shown.pid);
  assert.equal(new Set(pids).size, 2);

  await fleet.bring([{ group: group('one', 'g2'), entries }], [one, two]);
  assert.deepEqual(
    fleet.workers().map(({ shown }) => shown.pid),
    pids,
    'a new configuration restarts nothing, and a gateway without a plan keeps its worker',
  );
  await fleet.bring([{ group: group('one', 'g2'), entries }], [one]);
  assert.deepEqual(
    fleet.workers().map(({ shown }) => [shown.gateway, shown.state]),
    [['mailhold/one', 'running']],
  );
  await fleet.stop();
  for (const pid of pids) assert.throws(() => process.kill(pid ?? 0, 0), { code: 'ESRCH' });
});

test('the facts of a killed worker are followed by those of its successor', async (t) => {
  const { fleet, until } = await fixture(t);
  await fleet.bring([{ group: group('one'), entries: [] }], [one]);
  await until(() => fleet.worker(one, 'poller')?.facts !== undefined);
  const pid = fleet.workers()[0]?.shown.pid ?? 0;
  process.kill(pid, 'SIGKILL');
  await until(() => ![undefined, String(pid)].includes(fleet.worker(one, 'poller')?.facts?.epoch));
  assert.equal(fleet.workers()[0]?.shown.restarts, 1);
});
