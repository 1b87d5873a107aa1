import { nearest } from '../operator/api/nearest.ts';
import type { StandaloneStatus } from '../operator/runtime/standalone/status-page.ts';
import type { ObjectName } from '../workers/process/contract.ts';
import { oneOf, parseArguments } from './arguments.ts';
import { CommandError, ExitCode, type Io, UsageError } from './io.ts';
import { DEFAULT_SERVER, standaloneClient } from './standalone-client.ts';
import { paintFor, printable } from './table.ts';

const usage = `usage: mailhold test [NAMESPACE/]NAME [-o text|json] [--server URL]

Tests a connection now, on a new session and with its password read anew, and shows the stages as they pass.

  -o, --output     text (default), or json: one line per event
  --server URL     where "mailhold run" serves its status (${DEFAULT_SERVER})
`;

/** `mailhold test`. Exit code 0 where every stage passed. */
export async function test(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseArguments(args, {
    output: { type: 'string', short: 'o', default: 'text' },
    server: { type: 'string', default: DEFAULT_SERVER },
  });
  if (values.help) {
    io.stdout.write(usage);
    return ExitCode.ok;
  }
  const output = oneOf('-o', values.output, ['text', 'json']);
  const [target, ...more] = positionals;
  if (target === undefined || more.length > 0) throw new UsageError('name one connection, as contoso/journal.');
  const client = standaloneClient(values.server, io.signal);
  const { namespace, name } = oneConnection(await client.status(), target);
  const paint = paintFor(io);

  let passed: boolean | undefined;
  for await (const event of client.test(namespace, name)) {
    if (output === 'json') io.stdout.write(`${JSON.stringify(event)}\n`);
    switch (event.type) {
      case 'stage': {
        if (output === 'json') break;
        const { stage, ok, ms, text } = event.stage;
        const mark = ok ? paint('✓', 'green') : paint('✗', 'red');
        io.stdout.write(`${mark} ${stage.padEnd(12)} ${`${Math.round(ms)} ms`.padStart(8)}  ${printable(text)}\n`);
        break;
      }
      case 'refused':
        throw new CommandError(event.message);
      case 'end': {
        const { fault } = event.attempt;
        passed = fault === undefined;
        if (output === 'json') break;
        io.stdout.write(
          passed ? `${paint('Passed.', 'green')}\n` : `${paint('Failed.', 'red')} ${printable(fault?.message ?? '')}\n`,
        );
      }
    }
  }
  if (passed === undefined) throw new CommandError('The test was cut off before its end; try again.');
  return passed ? ExitCode.ok : ExitCode.failed;
}

/**
 * The connection that a person means by its name, with or without its namespace.
 *
 * @throws CommandError where there is none, or more than one
 */
function oneConnection({ connections }: Pick<StandaloneStatus, 'connections'>, target: string): ObjectName {
  const full = ({ namespace, name }: ObjectName): string => `${namespace}/${name}`;
  const all = connections.map(({ metadata: { namespace, name } }) => ({ namespace, name }));
  const meant = all.filter((it) => full(it) === target || it.name === target);
  const [only, ...more] = meant;
  if (only !== undefined && more.length === 0) return only;
  if (only !== undefined) throw new CommandError(`${target} may be ${meant.map(full).join(' or ')}; name one of them.`);
  const near = nearest(target, [...all.map(full), ...all.map(({ name }) => name)]);
  const hint = near === undefined ? 'mailhold status lists them.' : `Did you mean ${near}?`;
  throw new CommandError(`There is no connection ${target}. ${hint}`);
}
