import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type OperatorPages, serveOperatorPages } from './operator-pages.ts';

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function fixture(t: TestContext, pages: Partial<OperatorPages>) {
  const [probes, metrics] = [await freePort(), await freePort()];
  const served = await serveOperatorPages(
    { notReady: () => undefined, metrics: async () => 'up 1\n', ...pages },
    { host: '127.0.0.1', port: probes },
    { host: '127.0.0.1', port: metrics },
  );
  let open = true;
  const end = async (): Promise<void> => {
    if (open) await served[Symbol.asyncDispose]();
    open = false;
  };
  t.after(end);
  const get = async (port: number, path: string): Promise<[number, string]> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return [response.status, await response.text()];
  };
  return {
    probe: (path: string) => get(probes, path),
    metric: (path: string) => get(metrics, path),
    probes,
    metrics,
    end,
  };
}

test('readiness says in words what is missing, and liveness says nothing of the world', async (t) => {
  const state: { fault: string | undefined } = { fault: 'The API server has not answered yet.' };
  const { probe } = await fixture(t, { notReady: () => state.fault });
  assert.deepEqual(await probe('/readyz'), [503, 'The API server has not answered yet.\n']);
  assert.deepEqual(await probe('/healthz'), [200, 'ok\n']);
  state.fault = undefined;
  assert.deepEqual(await probe('/readyz'), [200, 'ready\n']);
});

test('metrics are read anew each time; where that fails, it says so', async (t) => {
  let readings = 0;
  const { metric } = await fixture(t, {
    metrics: async () => {
      readings += 1;
      if (readings === 3) throw new Error('no figures');
      return `readings ${readings}\n`;
    },
  });
  assert.deepEqual(await metric('/metrics'), [200, 'readings 1\n']);
  assert.deepEqual(await metric('/metrics'), [200, 'readings 2\n']);
  assert.deepEqual(await metric('/metrics'), [500, 'Error: no figures\n']);
});

test('any other page is told what there is, and neither address serves the pages of the other', async (t) => {
  const { probe, metric } = await fixture(t, {});
  assert.deepEqual(await probe('/metrics'), [404, 'There are /healthz and /readyz.\n']);
  assert.deepEqual(await metric('/readyz'), [404, 'There is /metrics.\n']);
});

test('an address that is taken is told, and the other one is let go of', async (t) => {
  const { probes, metrics, end } = await fixture(t, {});
  const pages = { notReady: () => undefined, metrics: async () => '' };
  const free = { host: '127.0.0.1', port: await freePort() };
  const again = serveOperatorPages(pages, free, { host: '127.0.0.1', port: metrics });
  await assert.rejects(again, { code: 'EADDRINUSE' });
  await end();
  const others = [{ host: '127.0.0.1', port: probes }, free] as const;
  await using _served = await serveOperatorPages(pages, ...others);
});
