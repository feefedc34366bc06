import t from 'tap';
import { KvasirError } from '#errors.js';
import { ApiKeys } from '#http/security/api-keys.js';
import { Registry } from '#registry/registry.js';
import { createServer } from '#server.js';
import { fakeModel } from '#test/support/http-server.js';

const PROBES = [
  ['GET', '/health'],
  ['HEAD', '/health'],
  ['GET', '/v1/health'],
  ['GET', '/ping'],
  ['POST', '/ping'],
] as const;

t.test('probes need no key, whatever else does, and no more than one is asked for', async t => {
  const options = { apiKeys: new ApiKeys(['key']), guardPublic: true, rateLimit: 1 };
  const app = await createServer({ registry: new Registry([fakeModel('letters')]), ...options });
  t.teardown(() => app.close());
  for (const [method, url] of PROBES) {
    const answer = await app.inject({ method, url });
    t.equal(answer.statusCode, 200, `${method} ${url}`);
    if (method !== 'HEAD') t.strictSame(answer.json(), { status: 'ok' });
  }
  t.equal((await app.inject('/version')).statusCode, 401, 'it is told to those who may know');
});

t.test('the version', async t => {
  const app = await createServer({ registry: new Registry([]) });
  t.teardown(() => app.close());
  t.match((await app.inject('/version')).json(), { version: /^\d+\.\d+\.\d+/ });
});

t.test('they say no while models are loaded, and where none can be', async t => {
  const load = async () => fakeModel('a');
  const broken = async () => {
    throw new KvasirError('invalid_model', 'no weights');
  };
  const cases = [
    [[], 'no_model'],
    [[{ id: 'a', atStart: true, load }], 'loading'],
    [[{ id: 'a', load: broken }], 'no_model'],
  ] as const;
  for (const [models, code] of cases) {
    const registry = new Registry(models);
    const app = await createServer({ registry });
    t.teardown(() => app.close());
    if (models[0]?.load === broken) await registry.acquire('a').catch(() => undefined);
    for (const [method, url] of PROBES) {
      const answer = await app.inject({ method, url });
      t.equal(answer.statusCode, 503, `${method} ${url} ${code}`);
      if (method !== 'HEAD') t.match(answer.json(), { error: { code } });
    }
    if (code !== 'loading') continue;
    await registry.acquire('a');
    t.equal((await app.inject('/health')).statusCode, 200);
  }
});

t.test('a model that is loaded on demand, or was unloaded, is no reason to say no', async t => {
  const registry = new Registry([{ id: 'a', load: async () => fakeModel('a') }]);
  const app = await createServer({ registry });
  t.teardown(() => app.close());
  t.equal((await app.inject('/health')).statusCode, 200);
});
