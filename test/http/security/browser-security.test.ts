import t from 'tap';
import { ApiKeys } from '#http/security/api-keys.js';
import { startServer } from '#test/support/http-server.js';

const preflight = (url: string, origin: string): Promise<Response> =>
  fetch(`${url}/v1/completions`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    },
  });

t.test('no page of another origin may call, unless it is named', async t => {
  const { url } = await startServer(t);
  const answer = await fetch(`${url}/v1/models`, { headers: { origin: 'https://a.example' } });
  t.equal(answer.headers.get('access-control-allow-origin'), null);
  t.equal(answer.headers.get('cross-origin-resource-policy'), 'same-origin');
  t.equal((await preflight(url, 'https://a.example')).headers.get('access-control-allow-origin'), null);
});

t.test('named origins', async t => {
  const { url } = await startServer(t, {
    corsOrigins: ['https://a.example', 'https://b.example'],
    apiKeys: new ApiKeys(['key']),
  });
  const allowed = await preflight(url, 'https://b.example');
  t.equal(allowed.status, 204, 'a preflight has no key');
  t.equal(allowed.headers.get('access-control-allow-origin'), 'https://b.example');
  t.match(allowed.headers.get('access-control-allow-headers'), /authorization/);
  t.equal((await preflight(url, 'https://c.example')).headers.get('access-control-allow-origin'), null);
  const refused = await fetch(`${url}/v1/models`, { headers: { origin: 'https://a.example' } });
  t.equal(refused.status, 401);
  t.equal(refused.headers.get('access-control-allow-origin'), 'https://a.example', 'errors can be read');
  t.match(refused.headers.get('access-control-expose-headers'), /x-request-id/);
});

t.test('all origins', async t => {
  const { url } = await startServer(t, { corsOrigins: ['*'] });
  t.equal((await preflight(url, 'https://a.example')).headers.get('access-control-allow-origin'), '*');
});

t.test('what pages may do', async t => {
  const { url } = await startServer(t);
  const { headers } = await fetch(`${url}/health/live`);
  t.match(headers.get('content-security-policy'), /default-src 'self'.*script-src 'self'/);
  t.notMatch(headers.get('content-security-policy'), /upgrade-insecure-requests/);
  t.equal(headers.get('x-content-type-options'), 'nosniff');
  t.equal(headers.get('strict-transport-security'), null);
});
