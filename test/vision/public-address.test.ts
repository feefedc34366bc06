import fc from 'fast-check';
import t from 'tap';
import { runs } from '#test/support/property-runs.js';
import { isPublicAddress } from '#vision/public-address.js';

t.test('addresses of private networks, of this machine, and those that hold others', t => {
  const kept = [
    ...['0.0.0.0', '10.1.2.3', '100.64.0.1', '127.0.0.1', '169.254.169.254', '172.16.0.1', '172.31.255.255'],
    ...['192.168.1.1', '192.0.2.1', '198.18.0.1', '224.0.0.1', '255.255.255.255'],
    ...[
      '::',
      '::1',
      '::ffff:127.0.0.1',
      '::ffff:8.8.8.8',
      '64:ff9b::7f00:1',
      'fe80::1',
      'fc00::1',
      'fd12::1',
    ],
    ...['ff02::1', '2001:db8::1', '2001::1', '2002:7f00:1::', '3fff::1', '100::1', 'fec0::1'],
  ];
  for (const address of kept) t.notOk(isPublicAddress(address), address);
  for (const address of ['1.1.1.1', '8.8.8.8', '172.32.0.1', '172.15.0.1', '100.128.0.1', '193.0.0.1'])
    t.ok(isPublicAddress(address), address);
  for (const address of ['2606:4700::1111', '2a00:1450:4001::1', '2001:4860:4860::8888'])
    t.ok(isPublicAddress(address), address);
  t.end();
});

t.test('no address of a private network of IPv4 is public, mapped or not', t => {
  const networks = fc.constantFrom([10, 8], [127, 8], [172, 16], [192, 168]);
  fc.assert(
    fc.property(
      networks,
      fc.array(fc.nat(255), { minLength: 3, maxLength: 3 }),
      ([first, second], [a, b, c]) => {
        const address =
          first === 172
            ? `172.${16 + (a! % 16)}.${b}.${c}`
            : first === 192
              ? `192.${second}.${b}.${c}`
              : `${first}.${a}.${b}.${c}`;
        return !isPublicAddress(address) && !isPublicAddress(`::ffff:${address}`);
      },
    ),
    runs(300),
  );
  t.end();
});
