import { type StringSchema, string } from './schema.ts';

const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/**
 * The bytes of a quantity as Kubernetes writes it: `512Mi`, `1Gi`, `1.5G`, `1000`.
 *
 * @returns undefined where the text is not a quantity
 */
export function parseQuantity(text: string): number | undefined {
  const parts = /^([0-9]{1,12}(?:\.[0-9]{1,3})?)(k|M|G|T|Ki|Mi|Gi|Ti)?$/.exec(text);
  if (parts === null) return undefined;
  return Math.round(Number(parts[1]) * (FACTORS[parts[2] ?? ''] ?? 1));
}

/** A number of bytes as a quantity; `minimum` and `maximum` are quantities too and belong to the range. */
export function quantity(options: { description: string; minimum: string; maximum: string }): StringSchema {
  const minimum = parseQuantity(options.minimum) ?? 0;
  const maximum = parseQuantity(options.maximum) ?? Number.POSITIVE_INFINITY;
  return string({
    description: options.description,
    pattern: '^[0-9]{1,12}(\\.[0-9]{1,3})?(k|M|G|T|Ki|Mi|Gi|Ti)?$',
    expected: 'a number of bytes such as 512Mi or 10Gi, in quotes where it is a plain number',
    minLength: 1,
    maxLength: 24,
    rules: [
      {
        cel:
          `quantity(self).compareTo(quantity('${options.minimum}')) >= 0` +
          ` && quantity(self).compareTo(quantity('${options.maximum}')) <= 0`,
        message: `must be from ${options.minimum} to ${options.maximum}`,
        holds: (self) => {
          const bytes = parseQuantity(self);
          return bytes !== undefined && bytes >= minimum && bytes <= maximum;
        },
        passes: [options.minimum, options.maximum],
        fails: ['0', '999999Ti'],
      },
    ],
  });
}
