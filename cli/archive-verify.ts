import { type VerifyProgress, verifyArchive } from '../workers/archive/verify.ts';
import { openArchiveFolder } from './archive-folder.ts';
import { oneOf, parseArguments } from './arguments.ts';
import { ExitCode, type Io, UsageError } from './io.ts';
import { paintFor } from './table.ts';

const usage = `usage: mailhold archive verify FOLDER [-o text|json]

Reads the whole archive back, checks every digest and looks for every record. Exit code 1 where something is bad.

  -o, --output   text (default), or json: one line per finding, then the sums
`;

const BAR = 30;
const DRAW_MS = 100;

/** `mailhold archive verify`. */
export async function archiveVerify(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseArguments(args, { output: { type: 'string', short: 'o', default: 'text' } });
  if (values.help) {
    io.stdout.write(usage);
    return ExitCode.ok;
  }
  const output = oneOf('-o', values.output, ['text', 'json']);
  const [folder, ...more] = positionals;
  if (folder === undefined || more.length > 0) throw new UsageError('name the folder of one archive.');
  const store = await openArchiveFolder(folder);
  const paint = paintFor(io);
  const bar = progressBar(io);
  const began = performance.now();
  const result = await verifyArchive(
    store,
    (finding) => {
      bar.clear();
      if (output === 'json') {
        io.stdout.write(`${JSON.stringify(finding)}\n`);
        return;
      }
      const { bad, position, segment, offset, text } = finding;
      const where = [position, segment && `${segment}${offset === undefined ? '' : ` at byte ${offset}`}`];
      const mark = bad ? paint('bad', 'red') : paint('note', 'yellow');
      io.stdout.write(`${mark} ${where.filter((it) => it !== undefined).join(' in ')}: ${text}\n`);
    },
    bar.draw,
    io.signal,
  );
  bar.clear();
  const seconds = (performance.now() - began) / 1000;
  if (output === 'json') io.stdout.write(`${JSON.stringify(result)}\n`);
  else {
    const { messages, events, messageBytes, bad } = result;
    const verdict = bad === 0 ? paint('every digest agrees', 'green') : paint(`${bad} bad`, 'red');
    const size = `${(messageBytes / 1e6).toFixed(1)} MB`;
    io.stdout.write(`${messages} messages (${size}) and ${events} events in ${seconds.toFixed(1)} s: ${verdict}\n`);
  }
  return result.bad === 0 ? ExitCode.ok : ExitCode.failed;
}

/** Drawn on standard error, and only on a terminal. */
function progressBar({ stderr }: Io): { draw(progress: VerifyProgress): void; clear(): void } {
  if (stderr.isTTY !== true) return { draw: () => undefined, clear: () => undefined };
  const began = performance.now();
  let drawn = 0;
  return {
    draw: ({ done, total }) => {
      const now = performance.now();
      if (now - drawn < DRAW_MS || total === 0) return;
      drawn = now;
      const full = Math.round((done / total) * BAR);
      const left = done === 0 ? 0 : ((now - began) / 1000) * (total / done - 1);
      const percent = `${Math.floor((done / total) * 100)} %`;
      stderr.write(`\r[${'#'.repeat(full)}${' '.repeat(BAR - full)}] ${percent}, ${Math.ceil(left)} s left \u001b[K`);
    },
    clear: () => {
      if (drawn > 0) stderr.write('\r\u001b[K');
    },
  };
}
