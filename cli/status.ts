import { setTimeout } from 'node:timers/promises';
import { stringify } from 'yaml';
import type { StandaloneStatus } from '../operator/runtime/standalone/status-page.ts';
import { oneOf, parseArguments } from './arguments.ts';
import { CommandError, ExitCode, type Io } from './io.ts';
import { allGreen, renderLights } from './lights.ts';
import { screen, terminalSize } from './screen.ts';
import { DEFAULT_SERVER, standaloneClient } from './standalone-client.ts';
import { paintFor } from './table.ts';

const usage = `usage: mailhold status [-w] [-o table|wide|json|yaml] [--exit-code] [--server URL]

Shows every connection with its lights, and the words of those that are not green.

  -w, --watch      go on showing, until Ctrl-C
  -o, --output     table (default, cut to the terminal), wide (not cut), json, yaml
  --exit-code      3 where some light is not green
  --server URL     where "mailhold run" serves its status (${DEFAULT_SERVER})
`;

/** How long a question for a change is held; ages are drawn anew at least so often. */
const HELD_MS = 5_000;
const RETRY_MS = 1_000;

/** `mailhold status`. */
export async function status(args: readonly string[], io: Io): Promise<number> {
  const { values } = parseArguments(args, {
    watch: { type: 'boolean', short: 'w', default: false },
    output: { type: 'string', short: 'o', default: 'table' },
    'exit-code': { type: 'boolean', default: false },
    server: { type: 'string', default: DEFAULT_SERVER },
  });
  if (values.help) {
    io.stdout.write(usage);
    return ExitCode.ok;
  }
  const output = oneOf('-o', values.output, ['table', 'wide', 'json', 'yaml']);
  const client = standaloneClient(values.server, io.signal);
  const render = (now: StandaloneStatus): string => {
    switch (output) {
      case 'json':
        return `${JSON.stringify(now, undefined, 2)}\n`;
      case 'yaml':
        return `---\n${stringify(now)}`;
      case 'table':
      case 'wide': {
        const columns = output === 'table' && io.stdout.isTTY ? terminalSize(io.stdout).columns : undefined;
        return `${renderLights(now, { paint: paintFor(io), columns, now: Date.now() }).join('\n')}\n`;
      }
    }
  };
  let shown = await client.status();
  if (!values.watch) {
    io.stdout.write(render(shown));
    return values['exit-code'] && !allGreen(shown) ? ExitCode.notGreen : ExitCode.ok;
  }
  const draw = screen(io);
  const structured = output === 'json' || output === 'yaml';
  draw(render(shown));
  while (!io.signal.aborted) {
    const before = shown.change;
    try {
      shown = await client.status({ since: before, ms: HELD_MS });
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      draw(`${render(shown)}\n${error.message}\n`);
      await setTimeout(RETRY_MS, undefined, { signal: io.signal }).catch(() => undefined);
      continue;
    }
    if (!structured || shown.change !== before) draw(render(shown));
  }
  return ExitCode.ok;
}
