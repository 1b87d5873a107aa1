import { type StringSchema, string } from './schema.ts';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/**
 * The milliseconds of a duration as Go and Kubernetes write it: `90s`, `1m30s`, `168h`. No fractions, no days.
 *
 * @returns undefined where the text is not a duration
 */
export function parseDuration(text: string): number | undefined {
  if (!/^([0-9]{1,9}(ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, number, unit] of text.matchAll(/([0-9]+)(ms|s|m|h)/g))
    total += Number(number) * (UNITS[unit ?? ''] ?? 0);
  return total;
}

/** A duration as a string; `minimum` and `maximum` are durations too and belong to the range. */
export function duration(options: { description: string; minimum: string; maximum: string }): StringSchema {
  const minimum = parseDuration(options.minimum) ?? 0;
  const maximum = parseDuration(options.maximum) ?? Number.POSITIVE_INFINITY;
  return string({
    description: options.description,
    pattern: '^([0-9]{1,9}(ms|s|m|h))+$',
    expected: 'a duration such as 90s, 5m or 168h',
    minLength: 2,
    maxLength: 24,
    rules: [
      {
        cel: `duration(self) >= duration('${options.minimum}') && duration(self) <= duration('${options.maximum}')`,
        message: `must be a duration from ${options.minimum} to ${options.maximum}`,
        holds: (self) => {
          const ms = parseDuration(self);
          return ms !== undefined && ms >= minimum && ms <= maximum;
        },
        passes: [options.minimum, options.maximum],
        fails: minimum > 0 ? ['0s', '99999999h'] : ['99999999h'],
      },
    ],
  });
}
