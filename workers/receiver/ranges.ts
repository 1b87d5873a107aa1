import { BlockList, isIP } from 'node:net';
import { FaultError } from '../process/fault-error.ts';

/** A peer's address as text, and its family as `net.BlockList` wants it. */
export interface PeerAddress {
  address: string;
  family: 'ipv4' | 'ipv6';
}

/** IPv4 peers of a dual-stack listener show as `::ffff:192.0.2.1`; rules and logs speak of 192.0.2.1. */
export function peerAddress(remoteAddress: string): PeerAddress {
  const address =
    remoteAddress.startsWith('::ffff:') && isIP(remoteAddress.slice(7)) === 4 ? remoteAddress.slice(7) : remoteAddress;
  return { address, family: isIP(address) === 6 ? 'ipv6' : 'ipv4' };
}

/**
 * The sender ranges of a connection.
 *
 * @param ranges CIDRs or single addresses, of both families
 * @returns undefined where `ranges` is empty: every peer is inside
 * @throws FaultError InvalidConfiguration, naming the range
 */
export function compileRanges(ranges: readonly string[]): BlockList | undefined {
  if (ranges.length === 0) return undefined;
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix, ...rest] = range.split('/');
    const version = isIP(address);
    const bits = prefix === undefined ? (version === 4 ? 32 : 128) : Number(prefix);
    if (
      version === 0 ||
      rest.length > 0 ||
      prefix === '' ||
      !Number.isInteger(bits) ||
      bits < 0 ||
      bits > (version === 4 ? 32 : 128)
    ) {
      throw new FaultError('InvalidConfiguration', 'never', `"${range}" is not a CIDR such as 203.0.113.0/24.`);
    }
    list.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}
