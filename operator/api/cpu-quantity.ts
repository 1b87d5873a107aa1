import { type StringSchema, string } from './schema.ts';

/**
 * The processors of a quantity as Kubernetes writes it: `500m`, `2`, `1.5`.
 *
 * @returns undefined where the text is not one
 */
export function parseCPU(text: string): number | undefined {
  const parts = /^([0-9]{1,6}(?:\.[0-9]{1,3})?)(m)?$/.exec(text);
  if (parts === null) return undefined;
  return Number(parts[1]) / (parts[2] === undefined ? 1 : 1_000);
}

/** A number of processors; from a thousandth on, which is the least that a pod can be given. */
export function cpuQuantity(description: string): StringSchema {
  return string({
    description,
    pattern: '^[0-9]{1,6}(\\.[0-9]{1,3})?m?$',
    expected: 'a number of processors such as 500m, or "2" in quotes',
    minLength: 1,
    maxLength: 12,
    rules: [
      {
        cel: "quantity(self).compareTo(quantity('1m')) >= 0",
        message: 'must be 1m or more',
        holds: (self) => (parseCPU(self) ?? 0) >= 0.001,
        passes: ['1m', '500m', '2', '1.5'],
        fails: ['0', '0m', '0.1m'],
      },
    ],
  });
}
