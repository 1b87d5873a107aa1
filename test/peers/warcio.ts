import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const VERSION = '1.8.1';
const VENV = join(import.meta.dirname, '../../build/warcio');
const PROGRAM = join(VENV, 'bin/warcio');

/** warcio, the WARC library of web archivists: a reader of our segments that knows nothing of us. */
export interface Warcio {
  /** `warcio check -v`: an exit code other than 0 where a digest does not agree. */
  check(paths: readonly string[]): { code: number | null; output: string };
}

/** warcio in a Python environment of its own under build/, or in a sentence why there is none. */
export function findWarcio(): Warcio | string {
  if (!existsSync(PROGRAM)) {
    const made = spawnSync('python3', ['-m', 'venv', VENV], { encoding: 'utf8' });
    if (made.status !== 0) return 'python3 with its module venv is not installed';
    const installed = spawnSync(join(VENV, 'bin/pip'), ['install', '--quiet', `warcio==${VERSION}`], {
      encoding: 'utf8',
    });
    if (installed.status !== 0) return 'warcio could not be installed from PyPI';
  }
  return {
    check: (paths) => {
      const { status, stdout, stderr } = spawnSync(PROGRAM, ['check', '-v', ...paths], { encoding: 'utf8' });
      return { code: status, output: stdout + stderr };
    },
  };
}
