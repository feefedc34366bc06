import t from 'tap';
import { KvasirError } from '#errors.js';
import { Registry } from '#registry/registry.js';
import { createServer } from '#server.js';
import { fakeModel } from '#test/support/http-server.js';

t.test('with a model', async t => {
  const app = await createServer({ registry: new Registry([fakeModel('letters')]) });
  t.teardown(() => app.close());
  t.strictSame((await app.inject('/health/live')).json(), { status: 'live' });
  const ready = await app.inject('/health/ready');
  t.equal(ready.statusCode, 200);
  t.strictSame(ready.json(), { status: 'ready', models: ['letters'] });
});

t.test('without a model', async t => {
  const app = await createServer({ registry: new Registry([]) });
  t.teardown(() => app.close());
  t.equal((await app.inject('/health/live')).statusCode, 200);
  const ready = await app.inject('/health/ready');
  t.equal(ready.statusCode, 503);
  t.match(ready.json(), { error: { message: 'no model is served', code: 'no_model' } });
});

t.test('until models are loaded, and where some are broken', async t => {
  const load = async () => fakeModel('a');
  const broken = async () => {
    throw new KvasirError('invalid_model', 'no weights');
  };
  const registry = new Registry([
    { id: 'a', atStart: true, load },
    { id: 'b', atStart: true, load: broken },
  ]);
  const app = await createServer({ registry });
  t.teardown(() => app.close());
  const ask = async () => {
    const [own, kserve] = await Promise.all(
      ['/health/ready', '/v2/health/ready'].map(url => app.inject(url)),
    );
    t.equal(own!.statusCode, kserve!.statusCode);
    return own!;
  };
  t.equal((await app.inject('/health/live')).statusCode, 200);
  const before = await ask();
  t.equal(before.statusCode, 503);
  t.match(before.json(), { error: { message: 'models are being loaded', code: 'loading' } });
  await registry.acquire('b').catch(() => undefined);
  t.equal((await ask()).statusCode, 503);
  await registry.acquire('a');
  t.strictSame((await ask()).json(), { status: 'ready', models: ['a'], failed: ['b'] });
});

t.test('where all are broken', async t => {
  const broken = async () => {
    throw new KvasirError('invalid_model', 'no weights');
  };
  const registry = new Registry([{ id: 'a', load: broken }]);
  const app = await createServer({ registry });
  t.teardown(() => app.close());
  t.equal((await app.inject('/health/ready')).statusCode, 200);
  await registry.acquire('a').catch(() => undefined);
  const ready = await app.inject('/health/ready');
  t.equal(ready.statusCode, 503);
  t.match(ready.json(), { error: { message: 'no model can be loaded: a', code: 'no_model' } });
  t.equal((await app.inject('/v2/models/a/ready')).statusCode, 503);
});
