import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { addressOf, entry, startReceiver } from './testing/receiver.ts';

const support = spawnSync('swaks', ['--support'], { encoding: 'utf8' }).stdout ?? '';
const missing = support === '' ? 'swaks is not installed' : 'swaks has no TLS here: libnet-ssleay-perl is missing';
const usable = /TLS.*supported/i.test(support) && !/TLS.*not available/i.test(support);

for (const more of [[], ['--pipeline'], ['--tls-protocol', 'tlsv1_2']]) {
  test(`swaks delivers a message over STARTTLS ${more.join(' ')}`, async (t) => {
    if (!usable) {
      t.skip(missing);
      return;
    }
    await using running = await startReceiver([entry('a')]);
    const message = 'Subject: from swaks\n\nhello\n.dot\n';
    const { stdout } = await promisify(execFile)('swaks', [
      ...['--server', '127.0.0.1', '--port', String(running.port), '--tls', '--ehlo', 'mail.contoso.com'],
      ...['--from', '<>', '--to', addressOf('a'), '--data', message, ...more],
    ]);
    assert.match(stdout, /250 2\.0\.0 Kept as memory:1/);
    assert.equal(running.log.kept[0]?.bytes.toString(), 'Subject: from swaks\r\n\r\nhello\r\n.dot\r\n\r\n');
    assert.equal(running.log.kept[0]?.envelope.capture.kind, 'smtp');
  });
}
