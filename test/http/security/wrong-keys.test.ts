import t from 'tap';
import { ApiKeys } from '#http/security/api-keys.js';
import { WrongKeys } from '#http/security/wrong-keys.js';
import { startServer } from '#test/support/http-server.js';

t.test('too many in a minute', async t => {
  const wrong = new WrongKeys(3);
  const now = 600_000;
  t.equal(wrong.wait('10.0.0.1', 'known', now), undefined);
  for (let i = 0; i < 3; i++) t.equal(wrong.wait('10.0.0.1', undefined, now + i), undefined);
  t.equal(wrong.wait('10.0.0.1', undefined, now + 45_000), 15);
  t.equal(wrong.wait('10.0.0.1', 'guessed', now + 45_000), 15, 'nobody learns that he has guessed right');
  t.equal(wrong.wait('10.0.0.1', 'known', now + 45_000), undefined, 'who was there before goes on');
  t.equal(wrong.wait('10.0.0.2', 'guessed', now + 45_000), undefined);
  t.equal(wrong.wait('10.0.0.1', 'guessed', now + 60_000), undefined, 'the minute is over');
});

t.test('over HTTP', async t => {
  const ask = async (url: string, key?: string): Promise<Response> =>
    fetch(`${url}/v1/models`, key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } });
  const times = async (url: string, count: number, key?: string): Promise<number[]> => {
    const statuses = [];
    for (let i = 0; i < count; i++) statuses.push((await ask(url, key)).status);
    return statuses;
  };
  // A minute might end in the middle.
  const limited = (statuses: readonly number[]): boolean => statuses.includes(429);
  const { url } = await startServer(t, { apiKeys: new ApiKeys(['right']), wrongKeyLimit: 3 });
  t.strictSame(await times(url, 2, 'right'), [200, 200]);
  t.notOk(limited(await times(url, 9)), 'a missing key is no guess');
  t.ok(limited(await times(url, 9, 'wrong')));
  t.strictSame(await times(url, 2, 'right'), [200, 200]);
  const { url: others } = await startServer(t, { apiKeys: new ApiKeys(['right']), rateLimit: 3 });
  t.ok(limited(await times(others, 9, 'wrong')), 'no more than the limit of requests');
  const { url: usual } = await startServer(t, { apiKeys: new ApiKeys(['right']) });
  t.ok(limited(await times(usual, 130, 'wrong')), 'also by default');
  const { url: free } = await startServer(t, { apiKeys: new ApiKeys(['right']), wrongKeyLimit: 0 });
  t.notOk(limited(await times(free, 130, 'wrong')));
});

t.test('how long to wait', async t => {
  const { url } = await startServer(t, { apiKeys: new ApiKeys(['right']), wrongKeyLimit: 1 });
  let refused: Response | undefined;
  while (refused?.status !== 429)
    refused = await fetch(`${url}/v1/models`, { headers: { authorization: 'Bearer wrong' } });
  const seconds = Number(refused.headers.get('retry-after'));
  t.ok(seconds >= 1 && seconds <= 60);
  t.match(await refused.json(), { error: { code: 'rate_limit_exceeded', type: 'rate_limit_error' } });
});

t.test('what is public can be guarded as well', async t => {
  const { url } = await startServer(t, { apiKeys: new ApiKeys(['right']), guardPublic: true });
  const status = async (path: string, headers = {}): Promise<number> =>
    (await fetch(url + path, { headers })).status;
  for (const path of [
    '/metrics',
    '/metrics/slots',
    '/docs',
    '/openapi.json',
    '/openapi.yaml',
    '/health/ready',
  ])
    t.strictSame(
      [await status(path), await status(path, { authorization: 'Bearer right' })],
      [401, 200],
      path,
    );
  t.equal(await status('/v2/health/ready'), 401);
  for (const path of ['/health/live', '/v2/health/live', '/']) t.equal(await status(path), 200, path);
});
