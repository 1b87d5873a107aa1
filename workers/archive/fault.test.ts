import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FaultError } from '../process/fault-error.ts';
import { storeFault } from './fault.ts';

const failed = (code: string): Error => Object.assign(new Error(code), { code });

const cases: [error: unknown, code: string, words: RegExp][] = [
  [failed('ENOSPC'), 'ArchiveFull', /No space is left in the archive \/srv\/mail/],
  [failed('EDQUOT'), 'ArchiveFull', /No space is left/],
  [failed('EROFS'), 'ArchiveNotWritable', /mounted read-only \(EROFS\)/],
  [failed('EACCES'), 'ArchiveNotWritable', /may not be written by the user/],
  [failed('EIO'), 'ArchiveNotWritable', /look at the kernel log/],
  [failed('ESTALE'), 'ArchiveNotWritable', /cannot be written \(ESTALE\)/],
  [new TypeError('undefined is not a function'), 'InternalError', /an error of its own/],
  [new FaultError('ArchiveFull', 'later', 'as it is'), 'ArchiveFull', /^as it is$/],
];

for (const [error, code, words] of cases) {
  test(`${String(error)} is ${code}, tried again later`, () => {
    const fault = storeFault(error, '/srv/mail');
    assert.equal(fault.code, code);
    assert.equal(fault.retry, 'later');
    assert.match(fault.message, words);
  });
}
