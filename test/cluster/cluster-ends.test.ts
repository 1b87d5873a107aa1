import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { requirements } from './cluster.ts';
import { cgroupsOf, clearLeftovers, OWNER_FILE } from './leftovers.ts';

const PATIENCE_MS = 20_000;

for (const node of [false, true]) {
  const skip = (await requirements({ node })) ?? false;
  const what = node ? 'a cluster with a node' : 'a control plane';

  test(`${what} ends with the process that started it, although that was killed`, {
    skip,
    timeout: 90_000,
  }, async () => {
    const { folder, kill } = await holder(node);
    await kill();
    await until(`${folder} is gone`, () => !existsSync(folder));
    assert.deepEqual(await cgroupsOf(folder), []);
  });

  test(`${what} whose keeper was killed is gone but for its files, and the next start removes them`, {
    skip,
    timeout: 90_000,
  }, async () => {
    const { folder, url, kill } = await holder(node);
    const keeper = Number(await readFile(join(folder, OWNER_FILE), 'utf8'));
    process.kill(keeper, 'SIGKILL');
    await until('its API server is gone', () => refuses(url));
    await until('its keeper is gone', async () => !existsSync(`/proc/${keeper}`));
    await clearLeftovers();
    assert.equal(existsSync(folder), false);
    assert.deepEqual(await cgroupsOf(folder), []);
    await kill();
  });
}

/** A process that starts a cluster and holds it. */
async function holder(node: boolean): Promise<{ folder: string; url: string; kill(): Promise<void> }> {
  const cluster = JSON.stringify(join(import.meta.dirname, 'cluster.ts'));
  const code = `const { startCluster } = await import(${cluster});
    const { folder, url } = await startCluster({ node: ${node} });
    console.log(JSON.stringify({ folder, url }));`;
  // One of its own, also where the tests share one.
  const env = { ...process.env, MAILHOLD_TEST_CLUSTER: '' };
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  return {
    ...JSON.parse(line),
    kill: async () => {
      if (child.exitCode !== null) return;
      const exit = once(child, 'exit');
      child.kill('SIGKILL');
      await exit;
    },
  };
}

async function refuses(url: string): Promise<boolean> {
  const problem = await fetch(url).then(
    () => undefined,
    (error: Error) => error.cause,
  );
  return problem instanceof Error && 'code' in problem && problem.code === 'ECONNREFUSED';
}

async function until(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await look())) {
    assert.ok(performance.now() < deadline, `not seen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
