import t from 'tap';
import type { Engine } from '#engine/engine.js';
import type { EngineStats, GenerationEngine, GenerationRequest } from '#engine/types.js';
import { loadGeneration } from '#registry/load-generation.js';
import { Environment, PROCESSOR } from '#runtime/index.js';
import { collect, differs, type Answer } from '#test/support/answers.js';
import { checkBatching, type OpenEngine } from '#test/support/check-batching.js';
import { CAPTURING, DISTANT } from '#test/support/distant-device.js';
import { greedy } from '#test/support/generation-request.js';
import { openPagedGeneration } from '#test/support/open-paged-generation.js';
import { randomLlama } from '#test/support/random-llama.js';

/** Runs this small take longer to be shared among threads than to be done, above all on a busy machine. */
const ONE_THREAD = { intraOpThreads: 1 };

t.test('whoever else is in the batch, greedy answers are those of the request alone', async t => {
  await checkBatching(t, await randomLlama(t), 80, { session: ONE_THREAD });
});

for (const device of [DISTANT, CAPTURING])
  t.test(`the same with a cache in memory that the processor cannot reach, ${device.name}`, async t => {
    await checkBatching(t, await randomLlama(t), 30, { session: { ...ONE_THREAD, device } });
  });

for (const device of [PROCESSOR, DISTANT]) {
  t.test(`the same with a paged cache and mixed batches, on ${device.name}`, async t => {
    const folder = await randomLlama(t);
    const environment = new Environment({ logLevel: 'fatal' });
    const engines: Engine[] = [];
    const open: OpenEngine = async (slots, { cacheTokens = 0, ...options }) => {
      const blockSize = 8;
      // The cache's size follows from the blocks: as many as let the scheduler use what was asked for.
      const blocks = Math.floor((cacheTokens + slots * options.draftTokens! - slots) / blockSize) + slots;
      const engine = await openPagedGeneration(
        environment,
        folder,
        { slots, blockSize, blocks },
        options,
        device,
      );
      engines.push(engine);
      return engine;
    };
    await checkBatching(t, folder, 15, { session: ONE_THREAD }, open);
    const total = (of: (stats: EngineStats) => number): number =>
      engines.reduce((sum, engine) => sum + of(engine.stats()), 0);
    t.ok(total(({ reusedPromptTokens }) => reusedPromptTokens) > 0, 'blocks were shared');
  });
}

t.test('sequences that outgrow a paged cache give way, and go on as if they never had', async t => {
  const folder = await randomLlama(t);
  const environment = new Environment({ logLevel: 'fatal' });
  const open = async (blocks: number): Promise<Engine> => {
    const options = { prefillTokens: 32, reservedTokens: 4 };
    const sizes = { slots: 4, blockSize: 8, blocks };
    const engine = await openPagedGeneration(environment, folder, sizes, options);
    t.teardown(() => engine.close());
    return engine;
  };
  const [small, large] = [await open(16), await open(4 * 12)];
  const requests = Array.from({ length: 8 }, (_, i) => {
    const promptIds = Array.from({ length: 20 + i }, (_, j) => 2 + ((j < 17 ? j : j * i) % 300));
    return greedy(promptIds, { id: String(i), maxTokens: 40, logprobs: 0 });
  });
  const [crowded, roomy] = await Promise.all(
    [small, large].map(async engine => {
      const answers = await Promise.all(requests.map(request => collect(engine, request)));
      return answers.map(({ tokens }) => tokens.map(({ id }) => id));
    }),
  );
  t.strictSame(crowded, roomy);
  t.ok(small.stats().preemptions > 0, 'somebody gave way');
  t.equal(large.stats().preemptions, 0);
});

t.test('where layers have a window, chats go on as if nothing had been given up behind it', async t => {
  const folder = await randomLlama(t, { max_position_embeddings: 1200, sliding_window: 24 });
  const environment = new Environment({ logLevel: 'fatal' });
  const open = async (slots: number, reusesPrefix: boolean): Promise<GenerationEngine> => {
    const options = { slots, engine: { reusesPrefix }, session: ONE_THREAD };
    const model = await loadGeneration(environment, folder, options);
    t.teardown(() => model.close());
    return model.engine;
  };
  const [batched, alone] = [await open(4, true), await open(1, false)];
  const words = (count: number, seed: number): number[] =>
    Array.from({ length: count }, (_, i) => 2 + ((i * i * 7 + i * seed) % 300));
  let chats = [1, 2, 3].map(seed => [...words(200, 0), ...words(500, seed)]);
  let told = 0;
  for (let turn = 0; turn < 3; turn++) {
    const requests = chats.map((ids, i) => greedy(ids, { id: String(i), maxTokens: 20, logprobs: 2 }));
    const answers = await Promise.all(requests.map(request => collect(batched, request)));
    const expected: Answer[] = [];
    for (const request of requests) expected.push(await collect(alone, request));
    answers.forEach((answer, i) => t.equal(differs(answer, expected[i]!), undefined));
    if (turn < 2) told += chats.reduce((sum, ids) => sum + ids.length, 0);
    chats = chats.map((ids, i) => [...ids, ...expected[i]!.tokens.map(({ id }) => id), ...words(30, i)]);
  }
  t.ok(batched.stats().reusedPromptTokens >= told, 'all that chats had said before was reused');
});

t.test('a seed gives the same text alone and in company', async t => {
  const folder = await randomLlama(t);
  const environment = new Environment();
  const model = await loadGeneration(environment, folder, { slots: 4, session: ONE_THREAD });
  t.teardown(() => model.close());
  const request = (id: string): GenerationRequest => {
    const base = greedy([5, 6, 7], { id, maxTokens: 20 });
    return { ...base, sampling: { ...base.sampling, temperature: 1, topP: 0.9, seed: 7 } };
  };
  const alone = await collect(model.engine, request('alone'));
  const company = await Promise.all([
    collect(model.engine, greedy([9, 9], { id: 'other', maxTokens: 30 })),
    collect(model.engine, request('a')),
    collect(model.engine, request('b')),
  ]);
  t.equal(company[1].text, alone.text);
  t.equal(company[2].text, alone.text);
});

t.test('a seed gives the same text whether its prompt was cached, in part, or not', async t => {
  const folder = await randomLlama(t);
  const environment = new Environment();
  const model = await loadGeneration(environment, folder, { slots: 4, session: ONE_THREAD });
  t.teardown(() => model.close());
  const prompt = Array.from({ length: 60 }, (_, i) => 2 + ((i * i * 7) % 300));
  for (const changed of [{}, { topP: 0.9 }, { topK: 40 }, { minP: 0.01 }]) {
    const request = (id: string, seed: number): GenerationRequest => {
      const base = greedy(prompt, { id, maxTokens: 20 });
      const sampling = { ...base.sampling, temperature: 1, ...changed, seed };
      return { ...base, sampling, reuseScope: Object.keys(changed).join() };
    };
    const seeds = [1, 2, 3];
    const fresh: string[] = [];
    for (const seed of seeds) fresh.push((await collect(model.engine, request(`fresh ${seed}`, seed))).text);
    const { reusedPromptTokens: before } = model.engine.stats();
    const again = await Promise.all(seeds.map(seed => collect(model.engine, request(`again ${seed}`, seed))));
    t.ok(model.engine.stats().reusedPromptTokens > before, 'the cache had it');
    t.strictSame(
      again.map(({ text }) => text),
      fresh,
    );
    t.equal(new Set(fresh).size, seeds.length, 'other seeds give other texts');
  }
});
