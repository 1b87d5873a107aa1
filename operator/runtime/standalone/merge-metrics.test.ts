import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoff } from '../backoff.ts';
import { lastWords } from './last-words.ts';
import { mergeMetrics } from './merge-metrics.ts';

test('families are put together, described once, and their series told apart', () => {
  const histogram = '# HELP h Time.\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_sum 3\nh_count 2\n';
  const merged = mergeMetrics([
    { labels: { role: 'receiver' }, text: `# HELP a First.\n# TYPE a gauge\na 1\n${histogram}` },
    { labels: { role: 'poller' }, text: `${histogram}# HELP a First.\n# TYPE a gauge\na{role="own",x="} 1"} 5\n` },
    { labels: {}, text: '# HELP b Third.\n# TYPE b counter\nb 1e-7\n' },
  ]);
  assert.equal(
    merged,
    `# HELP a First.
# TYPE a gauge
a{role="receiver"} 1
a{role="own",x="} 1"} 5
# HELP h Time.
# TYPE h histogram
h_bucket{role="receiver",le="1"} 2
h_sum{role="receiver"} 3
h_count{role="receiver"} 2
h_bucket{role="poller",le="1"} 2
h_sum{role="poller"} 3
h_count{role="poller"} 2
# HELP b Third.
# TYPE b counter
b 1e-7
`,
  );
});

test('label values are escaped', () => {
  assert.equal(mergeMetrics([{ labels: { a: 'x"\\\n' }, text: 'm 1' }]), 'm{a="x\\"\\\\\\n"} 1\n');
});

test('the last words of a process are its error, not the frames around it', () => {
  const crash = [
    'node:net:1996',
    '      throw ex;',
    '      ^',
    '',
    'Error: listen EADDRINUSE: address already in use 127.0.0.1:2525',
    '    at Server.setupListenHandle [as _listen2] (node:net:1940:16)',
    '    at node:internal/main/run_main:36:49 {',
    "  code: 'EADDRINUSE',",
    '  port: 2525',
    '}',
    '',
    'Node.js v24.21.0',
  ];
  assert.equal(lastWords(crash), 'Error: listen EADDRINUSE: address already in use 127.0.0.1:2525');
  assert.equal(lastWords(['usage: receiver --config DIR']), 'usage: receiver --config DIR');
  assert.equal(lastWords(['', 'Node.js v24.21.0']), undefined);
  assert.equal(lastWords([`Error: ${'x'.repeat(500)}`])?.length, 200);
});

test('the delay doubles to its limit, less up to a quarter', () => {
  assert.deepEqual(
    [1, 2, 3, 8, 9, 1_000].map((failures) => backoff(failures, 200, 30_000, 0)),
    [200, 400, 800, 25_600, 30_000, 30_000],
  );
  assert.equal(backoff(1, 200, 30_000, 1), 150);
});
