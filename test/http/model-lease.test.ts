import t from 'tap';
import { KvasirError } from '#errors.js';
import { Registry } from '#registry/registry.js';
import type { Model } from '#registry/types.js';
import { delta, FakeEngine, silence, untilAborted, type Script } from '#test/support/fake-engine.js';
import { eventually, fakeModel, startServer } from '#test/support/http-server.js';

const complete = (url: string, fields: object = {}, signal?: AbortSignal): Promise<Response> =>
  fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'letters', prompt: 'a', ...fields }),
    ...(signal && { signal }),
  });

/** Milliseconds without a request after which a model is unloaded. */
const IDLE = 50;

t.test('a model is loaded for the first request, and unloaded when it has been idle', async t => {
  let loads = 0;
  const engine = new FakeEngine();
  const load = async (): Promise<Model> => {
    loads++;
    await new Promise(resolve => setTimeout(resolve, 20));
    return { ...fakeModel('letters', engine), close: async () => undefined };
  };
  const registry = new Registry([{ id: 'letters', aliases: ['abc'], idleMs: IDLE, load }]);
  const { url } = await startServer(t, { registry });
  const list = async (): Promise<unknown> =>
    ((await (await fetch(`${url}/v1/models`)).json()) as { data: [unknown] }).data[0];
  t.match(await list(), { id: 'letters', aliases: ['abc'], state: 'unloaded' });
  t.equal((await fetch(`${url}/health/ready`)).status, 200);

  const endless: Script = async function* (_request, signal) {
    yield delta('a');
    await untilAborted(signal);
  };
  const { script } = engine;
  engine.script = (request, signal) => (request.sampling.seed === 1 ? endless : script)(request, signal);
  const controller = new AbortController();
  const [stream, ...answers] = await Promise.all([
    complete(url, { stream: true, seed: 1 }, controller.signal),
    complete(url, { model: 'abc' }),
    complete(url),
  ]);
  for (const answer of answers) t.match(await answer.json(), { model: 'letters', choices: [{}] });
  t.equal(loads, 1);
  t.match(await list(), { state: 'loaded', max_model_len: 64, task: 'text-generation' });
  await stream.body!.getReader().read();
  await new Promise(resolve => setTimeout(resolve, 4 * IDLE));
  t.equal(registry.entry('letters').state, 'loaded', 'a stream holds it');
  controller.abort();
  await eventually(() => registry.entry('letters').state === 'unloaded');
  t.equal((await complete(url)).status, 200);
  t.equal(loads, 2);
});

t.test('a load that fails is told to those who wait, and tried again for the next', async t => {
  let works = false;
  const load = async (): Promise<Model> => {
    await new Promise(resolve => setTimeout(resolve, 20));
    if (!works) throw new KvasirError('invalid_model', 'in /some/folder');
    return fakeModel('letters');
  };
  const { url } = await startServer(t, { registry: new Registry([{ id: 'letters', load }]) });
  for (const answer of await Promise.all([complete(url), complete(url)])) {
    t.equal(answer.status, 500);
    const body = await answer.text();
    t.match(JSON.parse(body), { error: { code: 'invalid_model' } });
    t.notMatch(body, /folder/);
  }
  works = true;
  t.equal((await complete(url)).status, 200);
});

t.test(
  'a client that leaves, or whose time is over, does not wait for the load; the load goes on',
  async t => {
    let end = (): void => undefined;
    const load = async (): Promise<Model> => {
      await new Promise<void>(resolve => (end = resolve));
      return fakeModel('letters');
    };
    const registry = new Registry([{ id: 'letters', load }]);
    const { url } = await startServer(t, { registry, requestTimeout: 200 });
    const controller = new AbortController();
    const left = complete(url, {}, controller.signal);
    await eventually(() => registry.entry('letters').state === 'loading');
    controller.abort();
    await t.rejects(left);
    const late = await complete(url);
    t.equal(late.status, 504);
    t.match(await late.json(), { error: { code: 'deadline_exceeded' } });
    end();
    await eventually(() => registry.entry('letters').state === 'loaded');
  },
);

t.test('a full line says when it will have moved on', async t => {
  const { engine, url } = await startServer(t);
  for (let i = 0; i < 4; i++) await (await complete(url)).text();
  engine.script = silence;
  const controller = new AbortController();
  const waiting = Array.from({ length: 12 }, () =>
    complete(url, {}, controller.signal).catch(() => undefined),
  );
  await eventually(() => engine.running.size === 12);
  engine.capacity = 12;
  const refused = await complete(url);
  t.equal(refused.status, 429);
  // 4 requests ended in about a second, 13 are under way.
  const seconds = Number(refused.headers.get('retry-after'));
  t.ok(seconds >= 3 && seconds <= 59, `${seconds}`);
  controller.abort();
  await Promise.all(waiting);
});
