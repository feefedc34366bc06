import { BlockList, isIPv6 } from 'node:net';

/** IPv4 addresses that are not everybody's: IANA's registry of special purposes (RFC 6890), multicast and above. */
const RESERVED_V4 = blocks('ipv4', [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
]);

/** IPv6 addresses that are everybody's, of which {@link RESERVED_V6} are none: they hold others, or are examples. */
const GLOBAL_V6 = blocks('ipv6', ['2000::/3']);
const RESERVED_V6 = blocks('ipv6', ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']);

/**
 * Whether an address is one of the public internet: of no private network, not this machine, none that leads to
 * another by translation.
 *
 * @param address as resolvers give it, without brackets.
 */
export function isPublicAddress(address: string): boolean {
  return isIPv6(address)
    ? GLOBAL_V6.check(address, 'ipv6') && !RESERVED_V6.check(address, 'ipv6')
    : !RESERVED_V4.check(address, 'ipv4');
}

function blocks(family: 'ipv4' | 'ipv6', ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [network, prefix] = range.split('/');
    list.addSubnet(network!, Number(prefix), family);
  }
  return list;
}
