import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { UsageError } from './io.ts';

/**
 * Options and positionals of a command, `--help` included.
 *
 * @throws UsageError
 */
export function parseArguments<const O extends ParseArgsOptionsConfig>(args: readonly string[], options: O) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { ...options, help: { type: 'boolean', short: 'h', default: false } },
    } as const);
  } catch (error) {
    // parseArgs throws TypeErrors whose messages are written for the person at the keyboard.
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/**
 * The value of an option that has a fixed choice.
 *
 * @throws UsageError
 */
export function oneOf<const T extends string>(name: string, value: string, choices: readonly T[]): T {
  const choice = choices.find((it) => it === value);
  if (choice === undefined) throw new UsageError(`${name} takes ${choices.join(', ')}, not ${value}.`);
  return choice;
}
