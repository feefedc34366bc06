import t, { type Test } from 'tap';
import { ApiKeys } from '#http/security/api-keys.js';
import type { ServerOptions } from '#server.js';
import { startServer } from '#test/support/http-server.js';

async function limited(t: Test, options: Partial<ServerOptions>) {
  const { url, engine } = await startServer(t, { rateLimit: 2, ...options });
  const complete = (headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ model: 'letters', prompt: 'a' }),
    });
  return { url, engine, complete };
}

t.test('each key has its share', async t => {
  const { url, engine, complete } = await limited(t, { apiKeys: new ApiKeys(['one', 'two']) });
  const by = (key: string) => complete({ authorization: `Bearer ${key}` });
  for (let i = 0; i < 4; i++) t.equal((await complete()).status, 401, 'it does not count');
  t.equal((await by('one')).status, 200);
  t.equal((await by('one')).headers.get('x-ratelimit-remaining'), '0');
  const refused = await by('one');
  t.equal(refused.status, 429);
  t.match(await refused.json(), { error: { type: 'rate_limit_error', code: 'rate_limit_exceeded' } });
  const seconds = Number(refused.headers.get('retry-after'));
  t.ok(seconds > 0 && seconds <= 60);
  t.equal((await by('two')).status, 200);
  t.equal(engine.requests.length, 3);
  for (let i = 0; i < 4; i++) t.equal((await fetch(`${url}/health/ready`)).status, 200);
  t.equal((await fetch(`${url}/metrics`)).status, 200);
});

t.test('without keys each address has, as a trusted proxy tells it', async t => {
  const { complete } = await limited(t, { trustProxy: '1' });
  const from = async (address: string): Promise<number> =>
    (await complete({ 'x-forwarded-for': address })).status;
  t.equal(await from('10.0.0.1'), 200);
  t.equal(await from('10.0.0.1'), 200);
  t.equal(await from('10.0.0.1'), 429);
  t.equal(await from('10.0.0.2'), 200);
  t.equal(await from('2001:db8::1'), 200);
  t.equal(await from('2001:db8::2'), 200);
  t.equal(await from('2001:db8::3'), 429, 'one network');
});

t.test('nobody is believed about an address without a proxy', async t => {
  const { complete } = await limited(t, {});
  const status = [];
  for (const address of ['10.0.0.1', '10.0.0.2', '10.0.0.3'])
    status.push((await complete({ 'x-forwarded-for': address })).status);
  t.strictSame(status, [200, 200, 429]);
});

t.test('what a client writes into the header itself is not believed', async t => {
  const { complete } = await limited(t, { trustProxy: '1' });
  const status = [];
  for (const address of ['203.0.113.1', '203.0.113.2', '203.0.113.3'])
    status.push((await complete({ 'x-forwarded-for': `${address}, 10.0.0.1` })).status);
  t.strictSame(status, [200, 200, 429], 'the proxy has appended 10.0.0.1');
});

t.test('by the addresses of the proxies', async t => {
  const { complete } = await limited(t, { trustProxy: 'loopback, 10.0.0.0/8' });
  const from = async (addresses: string): Promise<number> =>
    (await complete({ 'x-forwarded-for': addresses })).status;
  t.equal(await from('198.51.100.1, 203.0.113.1, 10.0.0.1, 10.0.0.2'), 200);
  t.equal(await from('198.51.100.2, 203.0.113.1, 10.0.0.3'), 200);
  t.equal(await from('198.51.100.3, 203.0.113.1, 10.0.0.1'), 429);
  const { complete: direct } = await limited(t, { trustProxy: '192.0.2.1' });
  const status = [];
  for (const address of ['10.0.0.1', '10.0.0.2', '10.0.0.3'])
    status.push((await direct({ 'x-forwarded-for': address })).status);
  t.strictSame(status, [200, 200, 429], 'who connects is no proxy');
});
