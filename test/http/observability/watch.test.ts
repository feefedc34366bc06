import t, { type Test } from 'tap';
import { KvasirError } from '#errors.js';
import { Registry } from '#registry/registry.js';
import { FakeEngine } from '#test/support/fake-engine.js';
import { fakeModel, startServer } from '#test/support/http-server.js';

/** A model all of whose sequences fail with what `error` gives. */
async function failing(t: Test, error: { current: Error | undefined }) {
  const engine = new FakeEngine();
  const { script } = engine;
  engine.script = (request, signal) => {
    if (error.current !== undefined) throw error.current;
    return script(request, signal);
  };
  const { url } = await startServer(t, { registry: new Registry([fakeModel('letters', engine)]) });
  const complete = async (fields: object = {}): Promise<number> => {
    const response = await fetch(`${url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'letters', prompt: 'a', ...fields }),
    });
    await response.text();
    return response.status;
  };
  const health = async (path: string) => {
    const response = await fetch(url + path);
    return { status: response.status, body: await response.json() };
  };
  return { complete, health };
}

/** Runs requests that seem to be six seconds apart. */
async function seldom(t: Test, request: () => Promise<number>, statuses: readonly number[]): Promise<void> {
  const now = performance.now.bind(performance);
  t.teardown(() => (performance.now = now));
  for (const [i, status] of statuses.entries()) {
    performance.now = () => now() + i * 6000;
    t.equal(await request(), status);
  }
}

t.test('an error of the code around the model is no sign of a broken one', async t => {
  const error = { current: new RangeError('Maximum call stack size exceeded') };
  const { complete, health } = await failing(t, error);
  await seldom(t, complete, [500, 500, 500, 500]);
  t.match(await health('/health/live'), { status: 200 });
  t.match(await health('/health/ready'), { status: 200, body: { broken: undefined } });
});

t.test('what the runtime throws is, until a request succeeds', async t => {
  const error: { current: Error | undefined } = { current: new KvasirError('runtime_failure', 'in /a/path') };
  const { complete, health } = await failing(t, error);
  await seldom(t, complete, [500, 500, 500]);
  t.match(await health('/health/live'), { status: 503, body: { error: { message: /letters have failed/ } } });
  t.match(await health('/v2/health/live'), { status: 503 });
  error.current = undefined;
  t.equal(await complete(), 200);
  t.match(await health('/health/live'), { status: 200 });
});

t.test('numbers that are not finite make a model unready, not the process dead', async t => {
  const error: { current: Error | undefined } = { current: new KvasirError('broken_model', 'NaN') };
  const { complete, health } = await failing(t, error);
  t.match(await health('/health/ready'), { status: 200, body: { models: ['letters'] } });
  t.equal(await complete(), 500);
  t.equal(await complete({ stream: true }), 500);
  t.match(await health('/health/live'), { status: 200 });
  t.match(await health('/health/ready'), {
    status: 503,
    body: { error: { code: 'broken_model', message: /letters/ } },
  });
  t.match(await health('/v2/health/ready'), { status: 503 });
  t.match(await health('/v2/models/letters/ready'), { status: 503, body: { error: /not finite/ } });
  error.current = undefined;
  t.equal(await complete(), 200);
  error.current = new KvasirError('broken_model', 'NaN');
  t.equal(await complete(), 500);
  t.match(await health('/health/ready'), { status: 200, body: { models: ['letters'], broken: ['letters'] } });
  t.match(await health('/v2/models/letters/ready'), { status: 200 });
});
