import fc from 'fast-check';
import t from 'tap';
import { isLoopback, network, trustedProxies } from '#http/security/addresses.js';
import { runs } from '#test/support/property-runs.js';

t.test('a number of hops', async t => {
  const trusted = trustedProxies('2');
  t.strictSame(
    [0, 1, 2, 3].map(hop => trusted('203.0.113.1', hop)),
    [true, true, false, false],
  );
});

t.test('addresses, networks and names of ranges', async t => {
  const trusted = trustedProxies('203.0.113.7, 10.0.0.0/8,loopback, 2001:db8::/32');
  for (const address of ['203.0.113.7', '10.255.0.1', '127.0.0.9', '::1', '2001:db8:1::1', '::ffff:10.0.0.1'])
    t.ok(trusted(address, 0), address);
  for (const address of ['203.0.113.8', '11.0.0.1', '2001:db9::1', '', 'unknown', '10.0.0.1.example'])
    t.notOk(trusted(address, 0), address);
});

t.test('what is neither', async t => {
  for (const text of [
    '0',
    '33',
    '-1',
    'true',
    '*',
    '10.0.0.0/33',
    '10.0.0.0/8/8',
    '10.0.0.256',
    '::1/129',
    '',
    ',',
  ])
    t.throws(() => trustedProxies(text), { code: 'invalid_configuration', message: /^trust_proxy: / }, text);
});

t.test('loopback', async t => {
  for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])
    t.ok(isLoopback(address), address);
  for (const address of ['128.0.0.1', '::2', '', 'localhost', '::ffff:10.0.0.1'])
    t.notOk(isLoopback(address), address);
});

t.test('addresses of one network', async t => {
  t.equal(network('10.0.0.1'), '10.0.0.1');
  t.equal(network('::ffff:10.0.0.1'), '10.0.0.1');
  t.equal(network('2001:db8::1'), '2001:db8:0:0::/64');
  t.equal(network('2001:0db8:0::ffff:1:2:3'), network('2001:db8::9'));
  t.not(network('2001:db8:0:1::1'), network('2001:db8::1'));
  t.equal(network('fe80::1%eth0'), 'fe80:0:0:0::/64');
  const property = fc.property(
    fc.ipV6().filter(ip => !ip.includes('.')),
    ip => /^([0-9a-f]{1,4}:){4}:\/64$/.test(network(ip)),
  );
  fc.assert(property, runs(200));
});
