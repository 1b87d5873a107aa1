import { BlockList, isIP } from 'node:net';
import type { PollerGroup } from '../process/contract.ts';
import { FaultError } from '../process/fault-error.ts';

/** True where this address may be dialled. */
export type Egress = (address: string) => boolean;

/**
 * Where connections may dial to. `allow` wins over `deny`.
 *
 * @throws FaultError InvalidConfiguration, naming the range that is none
 */
export function compileEgress({ deny, allow }: PollerGroup['egress']): Egress {
  const denied = blockList(deny);
  const allowed = blockList(allow);
  return (dialled) => {
    const address = unmapped(dialled);
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    return allowed.check(address, family) || !denied.check(address, family);
  };
}

/** `::ffff:192.0.2.1` and its hexadecimal form reach 192.0.2.1, so the rules for IPv4 must bind them. */
function unmapped(address: string): string {
  if (isIP(address) !== 6) return address;
  const canonical = new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname.slice(1, -1);
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical) ?? [];
  if (high === undefined || low === undefined) return canonical;
  const bits = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return bits.flatMap((pair) => [pair >> 8, pair & 0xff]).join('.');
}

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/');
    const version = isIP(address);
    const longest = version === 4 ? 32 : 128;
    const bits = prefix === undefined ? longest : Number(prefix);
    if (version === 0 || prefix === '' || !Number.isInteger(bits) || bits < 0 || bits > longest) {
      throw new FaultError('InvalidConfiguration', 'never', `"${range}" is not a CIDR such as 203.0.113.0/24.`);
    }
    list.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}
