import t from 'tap';
import type { EngineStats, GenerationEvent } from '#engine/types.js';
import { encoderModel } from '#registry/models.js';
import { Registry } from '#registry/registry.js';
import type { Model } from '#registry/types.js';
import { delta, FakeEngine, untilAborted } from '#test/support/fake-engine.js';
import { fakeEncoderModel } from '#test/support/fake-encoder-service.js';
import { eventually, fakeModel, startServer } from '#test/support/http-server.js';
import { letterTokenizer } from '#test/support/letter-tokenizer.js';

/** An engine whose counts the test sets. */
class CountingEngine extends FakeEngine {
  counts: Partial<EngineStats> = {};

  override stats(): EngineStats {
    return { ...super.stats(), ...this.counts };
  }
}

const encoder = encoderModel({
  id: 'encoder',
  created: 0,
  tokenizer: letterTokenizer,
  contextLength: 512,
  task: 'embedding',
  encoder: {
    reserve: () => () => undefined,
    encode: () => Promise.reject(new Error('not called')),
    stats: () => ({ waiting: 5, running: 4, batches: 3, tokens: 200, padding: 10 }),
    close: async () => undefined,
  },
  width: 8,
  labels: [],
  activation: 'none',
});

/** Reads metrics as a map from a series, with its labels, to its value. */
async function series(url: string): Promise<Map<string, number>> {
  const response = await fetch(`${url}/metrics`);
  t.match(response.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
  const lines = (await response.text()).split('\n').filter(line => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map(line => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

const complete = (url: string, fields: object = {}, signal?: AbortSignal): Promise<Response> =>
  fetch(`${url}/v1/completions?key=1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'letters', prompt: 'a', ...fields }),
    ...(signal && { signal }),
  });

t.test('what models count themselves', async t => {
  const engine = new CountingEngine();
  const { url } = await startServer(t, { registry: new Registry([fakeModel('letters', engine), encoder]) });
  engine.counts = {
    running: 2,
    waiting: 7,
    cachedTokens: 100,
    activeTokens: 64,
    cacheCapacity: 256,
    promptTokens: 1000,
    reusedPromptTokens: 300,
    generatedTokens: 50,
    preemptions: 1,
    draftedTokens: 20,
    acceptedTokens: 15,
  };
  const values = await series(url);
  const expected = {
    'vllm:num_requests_running{model_name="letters"}': 2,
    'vllm:num_requests_waiting{model_name="letters"}': 7,
    'vllm:kv_cache_usage_perc{model_name="letters"}': 0.25,
    'kvasir_kv_cache_tokens{model_name="letters"}': 100,
    'kvasir_kv_cache_capacity_tokens{model_name="letters"}': 256,
    'kvasir_slots{model_name="letters"}': 4,
    'vllm:prompt_tokens_total{model_name="letters"}': 1000,
    'vllm:generation_tokens_total{model_name="letters"}': 50,
    'vllm:prefix_cache_queries_total{model_name="letters"}': 1000,
    'vllm:prefix_cache_hits_total{model_name="letters"}': 300,
    'vllm:num_preemptions_total{model_name="letters"}': 1,
    'vllm:spec_decode_num_draft_tokens_total{model_name="letters"}': 20,
    'vllm:spec_decode_num_accepted_tokens_total{model_name="letters"}': 15,
    'vllm:num_requests_running{model_name="encoder"}': 4,
    'vllm:num_requests_waiting{model_name="encoder"}': 5,
    'kvasir_encoder_batches_total{model_name="encoder"}': 3,
    'kvasir_encoder_tokens_total{model_name="encoder"}': 200,
    'kvasir_encoder_padding_tokens_total{model_name="encoder"}': 10,
    'kvasir_model_loaded{model_name="letters"}': 1,
  };
  for (const [name, value] of Object.entries(expected)) t.equal(values.get(name), value, name);
  t.notOk(values.has('kvasir_slots{model_name="encoder"}'));
});

t.test('requests and sequences', async t => {
  const { engine, url } = await startServer(t);
  const report = {
    promptTokens: 3,
    cachedTokens: 0,
    generatedTokens: 4,
    queueMs: 500,
    prefillMs: 1500,
    decodeMs: 3000,
  };
  engine.script = async function* (): AsyncGenerator<GenerationEvent> {
    yield delta('a');
    await new Promise(resolve => setTimeout(resolve, 30));
    yield { ...delta('bcd', 'stop'), report } as GenerationEvent;
  };
  await (await complete(url, { n: 2 })).text();
  engine.script = async function* (_request, signal) {
    yield delta('a');
    await untilAborted(signal);
  };
  const controller = new AbortController();
  const stream = await complete(url, { stream: true }, controller.signal);
  await stream.body!.getReader().read();
  controller.abort();
  await eventually(() => engine.running.size === 0);
  await complete(url, { temperature: -1 });
  await complete(url, { model: 'x"} 1\nforged 1' });
  await fetch(`${url}/some/where`);

  const labels = 'model_name="letters"';
  const values = await series(url);
  const requests = (status: number, handler = '/v1/completions', method = 'POST') =>
    values.get(`http_requests_total{handler="${handler}",method="${method}",status="${status}"}`);
  t.equal(requests(200), 1);
  t.equal(requests(499), 1);
  t.equal(requests(400), 1);
  t.equal(requests(404), 1);
  t.equal(requests(404, 'none', 'GET'), 1, 'addresses are no labels');
  t.notOk([...values.keys()].some(name => name.includes('forged')));
  t.equal(values.get(`vllm:request_success_total{${labels},finished_reason="stop"}`), 2);
  t.equal(values.get(`vllm:request_success_total{${labels},finished_reason="abort"}`), 1);

  const histogram = (name: string) => [
    values.get(`vllm:${name}_count{${labels}}`),
    values.get(`vllm:${name}_sum{${labels}}`),
  ];
  t.strictSame(histogram('e2e_request_latency_seconds'), [2, 10]);
  t.strictSame(histogram('request_queue_time_seconds'), [2, 1]);
  t.strictSame(histogram('request_prefill_time_seconds'), [2, 3]);
  t.strictSame(histogram('request_decode_time_seconds'), [2, 6]);
  t.strictSame(histogram('request_inference_time_seconds'), [2, 9]);
  t.strictSame(histogram('request_time_per_output_token_seconds'), [2, 2]);
  t.strictSame(histogram('request_prompt_tokens'), [2, 6]);
  t.strictSame(histogram('request_generation_tokens'), [2, 8]);
  t.equal(histogram('time_to_first_token_seconds')[0], 3);
  const [tokens, seconds] = histogram('inter_token_latency_seconds');
  t.equal(tokens, 6, 'three tokens after the first, twice');
  t.ok(seconds! >= 0.05, `${seconds}`);
  t.equal(values.get(`vllm:time_to_first_token_seconds_bucket{le="+Inf",${labels}}`), 3);
});

t.test('counts stay when a model is unloaded and loaded again', async t => {
  const engines: CountingEngine[] = [];
  let broken = false;
  const load = async (): Promise<Model> => {
    if (broken) throw new Error('no');
    const engine = new CountingEngine();
    engines.push(engine);
    return fakeModel('letters', engine);
  };
  const registry = new Registry([{ id: 'letters', idleMs: 1, load }]);
  const { url } = await startServer(t, { registry });
  const total = async () => (await series(url)).get('vllm:generation_tokens_total{model_name="letters"}');
  const loaded = async () => (await series(url)).get('kvasir_model_loaded{model_name="letters"}');
  t.equal(await total(), undefined);
  t.equal(await loaded(), 0);
  for (let round = 1; round <= 2; round++) {
    const lease = await registry.acquire('letters');
    engines.at(-1)!.counts = { generatedTokens: 10 };
    t.equal(await total(), round * 10);
    t.equal(await loaded(), 1);
    lease.release();
    await eventually(() => registry.entry('letters').state === 'unloaded');
    t.equal(await total(), round * 10);
  }
  broken = true;
  await t.rejects(registry.acquire('letters'));
  t.equal((await series(url)).get('kvasir_model_load_failures_total{model_name="letters"}'), 1);
});

t.test('the slots of generating models', async t => {
  const registry = new Registry([fakeModel('letters'), fakeEncoderModel('embedding')]);
  const { url } = await startServer(t, { registry });
  const empty = { state: 'empty', tokens: 0 };
  t.strictSame(await (await fetch(`${url}/metrics/slots`)).json(), {
    object: 'list',
    data: [{ model: 'letters', context_length: 64, slots: [empty, empty, empty, empty] }],
  });
});

t.test('names and labels are what dashboards for vLLM look for', async t => {
  const { url } = await startServer(t);
  const text = await (await fetch(`${url}/metrics`)).text();
  for (const [name, type] of [
    ['vllm:num_requests_running', 'gauge'],
    ['vllm:num_requests_waiting', 'gauge'],
    ['vllm:kv_cache_usage_perc', 'gauge'],
    ['vllm:prompt_tokens_total', 'counter'],
    ['vllm:generation_tokens_total', 'counter'],
    ['vllm:request_success_total', 'counter'],
    ['vllm:time_to_first_token_seconds', 'histogram'],
    ['vllm:inter_token_latency_seconds', 'histogram'],
    ['vllm:e2e_request_latency_seconds', 'histogram'],
    ['vllm:request_prompt_tokens', 'histogram'],
  ])
    t.match(text, new RegExp(`^# HELP ${name} \\S.*\n# TYPE ${name} ${type}$`, 'm'), name!);
});
