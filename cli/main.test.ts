import assert from 'node:assert/strict';
import { test } from 'node:test';
import { main } from './main.ts';
import { capturedIo } from './testing/captured-io.ts';

const cases: [line: string, code: number, out: RegExp, err: RegExp][] = [
  ['', 2, /^usage: mailhold COMMAND/, /^$/],
  ['help', 0, /^usage: mailhold COMMAND/, /^$/],
  ['--help', 0, /^usage: mailhold COMMAND/, /^$/],
  ['--version', 0, /^mailhold \d+\.\d+\.\d+\n$/, /^$/],
  ['stats', 2, /^$/, /there is no command stats; did you mean status\?/],
  ['help status', 0, /^usage: mailhold status/, /^$/],
  ['run --help', 0, /^usage: mailhold run/, /^$/],
  ['test -h', 0, /^usage: mailhold test/, /^$/],
  ['validate --help', 0, /^usage: mailhold validate/, /^$/],
  ['archive --help', 0, /^usage: mailhold archive COMMAND/, /^$/],
  ['help archive ls', 0, /^usage: mailhold archive ls/, /^$/],
  ['archive cat --help', 0, /^usage: mailhold archive cat/, /^$/],
  ['archive show --help', 0, /^usage: mailhold archive show/, /^$/],
  ['archive verify --help', 0, /^usage: mailhold archive verify/, /^$/],
  ['archive', 2, /^$/, /say what to do: ls, cat, show or verify/],
  ['archive lst', 2, /^$/, /there is no lst; did you mean ls\?/],
  ['archive ls', 2, /^$/, /name the folder/],
  ['archive ls x --limit many', 2, /^$/, /--limit takes a number, not many/],
  ['archive ls x --since yesterday', 2, /^$/, /--since takes a time as 2026-/],
  ['archive cat x', 2, /^$/, /name the folder of an archive and one message/],
  ['test', 2, /^$/, /name one connection, as contoso\/journal/],
  ['run', 2, /^$/, /name one folder/],
  ['status -o xml', 2, /^$/, /-o takes table, wide, json, yaml, not xml/],
  ['status --wach', 2, /^$/, /Unknown option '--wach'/],
  ['validate', 2, /^$/, /name a folder or files/],
  ['validate /nowhere', 1, /^$/, /\/nowhere cannot be read: ENOENT/],
  ['archive ls /nowhere', 1, /^$/, /There is no folder \/nowhere/],
  ['status --server http://127.0.0.1:1', 1, /^$/, /Nothing answers at http:\/\/127\.0\.0\.1:1\. Start Mailhold with/],
  ['status --server nonsense', 2, /^$/, /--server takes a URL as http:\/\/127\.0\.0\.1:8460, not nonsense/],
];
for (const [line, code, out, err] of cases) {
  test(`"mailhold ${line}" exits with ${code}`, async () => {
    const io = capturedIo();
    assert.equal(await main(line === '' ? [] : line.split(' '), io), code, io.err());
    assert.match(io.out(), out);
    assert.match(io.err(), err);
  });
}
