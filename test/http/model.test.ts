import t from 'tap';
import { KvasirError } from '#errors.js';
import { Registry } from '#registry/registry.js';
import { createChatTemplate } from '#chat/template.js';
import type { EncoderTask } from '#graph/encoder-task.js';
import { TENSORS_CARD } from '#registry/card.js';
import type { Model, ModelSource } from '#registry/types.js';
import { fakeEncoderModel } from '#test/support/fake-encoder-service.js';
import { jsonClient } from '#test/support/json-client.js';
import { letterTokenizer } from '#test/support/letter-tokenizer.js';
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

/** A request for each ability, by an address that leaves the model's name out or takes one, and a fake model that has the ability. */
const REQUESTS: readonly (readonly [path: string, body: object, make: () => Model])[] = [
  ['/v1/completions', { prompt: 'a' }, () => fakeModel('able')],
  ['/v1/chat/completions', { messages: [{ role: 'user', content: 'a' }], max_tokens: 3 }, chatModel],
  ['/v1/responses', { input: 'a', max_output_tokens: 3 }, chatModel],
  ['/v1/embeddings', { input: 'hello' }, () => encoder('embedding')],
  ['/v1/classify', { input: 'hello' }, () => encoder('sequence-classification')],
  ['/v1/score', { text_1: 'hello', text_2: 'world' }, () => encoder('embedding')],
  ['/v1/rerank', { query: 'hello', documents: ['world'] }, ranker],
  [
    '/v1/token-classification',
    { input: 'hello' },
    () => encoder('token-classification', ['O', 'A', 'B', 'C']),
  ],
  ['/v1/fill-mask', { input: 'hello [MASK]' }, () => encoder('fill-mask')],
  ['/v1/question-answering', { question: 'hello', context: 'world' }, () => encoder('question-answering')],
  ['/v1/tokenize', { prompt: 'hello' }, () => encoder('embedding')],
  ['/v1/detokenize', { tokens: [5] }, () => encoder('embedding')],
  ['/embed', { inputs: 'hello' }, () => encoder('embedding')],
  ['/predict', { inputs: 'hello' }, () => encoder('sequence-classification')],
  ['/rerank', { query: 'hello', texts: ['world'] }, ranker],
  ['/similarity', { inputs: { source_sentence: 'hello', sentences: ['world'] } }, () => encoder('embedding')],
  ['/tokenize', { inputs: 'hello' }, () => encoder('embedding')],
  ['/decode', { ids: [5] }, () => encoder('embedding')],
];

function encoder(task: EncoderTask, labels?: readonly string[]): Model {
  return fakeEncoderModel(task, { id: 'able', ...(labels && { labels }) });
}

function ranker(): Model {
  return fakeEncoderModel('sequence-classification', { id: 'able', width: 1 });
}

function chatModel(): Model {
  const chat = createChatTemplate('{{ messages[0].content }}', {}, letterTokenizer);
  return fakeModel('able', new FakeEngine(), { chat });
}

/** A source that counts its loads. Every load makes the model anew. */
function counted(make: () => Model, id: string, idleMs?: number): ModelSource & { loads: number } {
  const source = {
    id,
    card: make().card,
    idleMs,
    loads: 0,
    load: async () => {
      source.loads++;
      return { ...make(), id };
    },
  };
  return source;
}

/** Can be called with tensors, and with nothing else. */
const tensorsOnly = (): Model => ({ ...fakeModel('decoy'), card: TENSORS_CARD });

for (const [path, body, make] of REQUESTS)
  t.test(`${path} is answered by the first served model that can, loaded or not`, async t => {
    for (const state of ['start', 'demand', 'idle'] as const) {
      const decoy = counted(tensorsOnly, 'decoy');
      const first = counted(make, 'first', state === 'idle' ? 1 : undefined);
      const second = counted(make, 'second');
      const registry = new Registry([decoy, first, second]);
      const { url } = await startServer(t, { registry });
      // The second one is there from the start: what happens to be loaded must not matter.
      await registry.acquire('second');
      if (state !== 'demand') (await registry.acquire('first')).release();
      if (state === 'idle') await eventually(() => registry.entry('first').state === 'unloaded');
      const before = first.loads;
      const post = jsonClient(url);

      t.equal((await post(path, body)).status, 200, `${state}, not named`);
      t.equal(second.loads, 1);
      t.ok(first.loads === before + (state === 'start' ? 0 : 1), `${state}: the first was loaded for it`);
      t.equal((await post(path, { ...body, model: 'second' })).status, 200, `${state}, named`);

      const refused = await post(path, { ...body, model: 'decoy' });
      t.equal(refused.status, 404, 'one of the wrong kind');
      t.equal(decoy.loads, 0, 'is not loaded for that');
    }
  });

t.test('addresses that do not exist load nothing', async t => {
  const source = counted(() => fakeModel('letters'), 'letters');
  const { url } = await startServer(t, { registry: new Registry([source]) });
  const post = jsonClient(url);
  for (const path of ['/v1/nosuch', '/v1/models', '/health/live'])
    for (const model of ['letters', 'nobody'])
      t.match((await post(path, { model })).status, path === '/v1/nosuch' ? 404 : 405, `${path} ${model}`);
  t.equal(source.loads, 0);
});

t.test('/v1/models and /info tell of models that are not loaded', async t => {
  const source = counted(ranker, 'ranker');
  const { url } = await startServer(t, { registry: new Registry([source]) });
  const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: unknown[] };
  t.match(data, [
    {
      id: 'ranker',
      state: 'unloaded',
      task: 'sequence-classification',
      max_model_len: 32,
      capabilities: ['classify', 'score', 'rerank'],
    },
  ]);
  t.match(await (await fetch(`${url}/info`)).json(), { model_id: 'ranker', model_type: { reranker: {} } });
  t.equal(source.loads, 0);
});

t.test(
  'a model of which nothing is known is found by its name alone, and by its abilities afterwards',
  async t => {
    const { card: _, ...source } = counted(() => encoder('embedding'), 'hidden');
    const { url } = await startServer(t, { registry: new Registry([source]) });
    const post = jsonClient(url);
    t.equal((await post('/embed', { inputs: 'hello' })).status, 404);
    t.equal((await post('/v1/completions', { model: 'hidden', prompt: 'a' })).status, 404);
    t.equal((await post('/v1/embeddings', { model: 'hidden', input: 'hello' })).status, 200);
    t.equal((await post('/embed', { inputs: 'hello' })).status, 200);
  },
);
