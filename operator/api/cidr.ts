import { isIP } from 'node:net';
import { type StringSchema, string } from './schema.ts';

/** Whether the text is an address range such as `203.0.113.0/24` or `2001:db8::/32`. */
function isCIDR(text: string): boolean {
  const [address, prefix, ...rest] = text.split('/');
  if (address === undefined || prefix === undefined || rest.length > 0) return false;
  if (!/^(0|[1-9][0-9]{0,2})$/.test(prefix) || address.includes('%')) return false;
  const family = isIP(address);
  return family !== 0 && Number(prefix) <= (family === 4 ? 32 : 128);
}

export function cidr(description: string): StringSchema {
  return string({
    description,
    minLength: 3,
    maxLength: 64,
    rules: [
      {
        cel: 'isCIDR(self)',
        message:
          'must be an address range such as 203.0.113.0/24 or 2001:db8::/32; one address is written with /32 or /128',
        holds: isCIDR,
        passes: ['203.0.113.0/24', '2001:db8::/32', '192.0.2.1/32'],
        fails: ['203.0.113.0', '203.0.113.0/33', '203.0.113/24', 'example.com', '2001:db8::/129', '192.0.2.1/ 8'],
      },
    ],
  });
}
