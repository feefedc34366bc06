import t from 'tap';
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
