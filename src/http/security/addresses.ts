import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import { KvasirError } from '#errors.js';

/** Most proxies in a row. */
const MOST_HOPS = 32;

/** Names for ranges of addresses, as Fastify and Express know them. */
const RANGES: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/**
 * Tells whether an address is one of the server's proxies.
 *
 * @param hop how many hops it is before the server; the address that connects is 0 hops before it.
 */
export type TrustedProxy = (address: string, hop: number) => boolean;

/**
 * @param text how many proxies there are in a row, or their addresses, networks (`10.0.0.0/8`) and names of
 * ranges, separated by commas.
 * @throws KvasirError `invalid_configuration`
 */
export function trustedProxies(text: string): TrustedProxy {
  if (/^\d+$/.test(text)) {
    const hops = Number(text);
    if (hops < 1 || hops > MOST_HOPS) throw invalid(`expected 1 to ${MOST_HOPS} proxies, got ${text}`);
    return (_address, hop) => hop < hops;
  }
  const list = new BlockList();
  for (const part of text.split(',').map(part => part.trim()))
    for (const range of RANGES[part] ?? [part]) add(list, range);
  return address => matches(list, address);
}

function add(list: BlockList, range: string): void {
  const [address = '', bits, ...rest] = range.split('/');
  const family = isIP(address);
  const most = family === 4 ? 32 : 128;
  const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : NaN;
  if (family === 0 || rest.length > 0 || !(prefix <= most))
    throw invalid(
      `expected a number of proxies, or their addresses or networks, got ${JSON.stringify(range)}`,
    );
  list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6');
}

function invalid(reason: string): KvasirError {
  return new KvasirError('invalid_configuration', `trust_proxy: ${reason}`);
}

const LOOPBACK = new BlockList();
for (const range of RANGES.loopback!) add(LOOPBACK, range);

/** Tells whether an address is this machine's own. */
export function isLoopback(address: string): boolean {
  return matches(LOOPBACK, address);
}

function matches(list: BlockList, address: string): boolean {
  const plain = unmapped(address);
  return isIPv4(plain) ? list.check(plain, 'ipv4') : isIPv6(plain) && list.check(plain, 'ipv6');
}

/** IPv4 in IPv6 as IPv4. */
function unmapped(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}

/** The name by which a client's addresses are counted: of IPv6, one client has a network of 64 bits. */
export function network(address: string): string {
  const plain = unmapped(address);
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.split('%', 1)[0]!.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const gap = Array<string>(Math.max(0, 8 - before.length - after.length)).fill('0');
  const all = [...before, ...(tail === undefined ? [] : gap), ...after];
  return `${all
    .slice(0, 4)
    .map(group => parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
