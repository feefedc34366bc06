import t from 'tap';
import type { GenerationRequest } from '../../src/engine/types.js';
import { loadGeneration } from '../../src/registry/load-generation.js';
import { Environment, PROCESSOR } from '../../src/runtime/index.js';
import { checkBatching, collect } from '../support/check-batching.js';
import { DISTANT } from '../support/distant-device.js';
import { greedy } from '../support/generation-request.js';
import { openPagedGeneration } from '../support/open-paged-generation.js';
import { randomLlama } from '../support/random-llama.js';

/** Runs this small take longer to be shared among threads than to be done, above all on a busy machine. */
const ONE_THREAD = { intraOpThreads: 1 };

t.test('whoever else is in the batch, greedy answers are those of the request alone', async t => {
  await checkBatching(t, await randomLlama(t), 80, { session: ONE_THREAD });
});

t.test('the same with a cache in memory that the processor cannot reach', async t => {
  await checkBatching(t, await randomLlama(t), 30, { session: { ...ONE_THREAD, device: DISTANT } });
});

for (const device of [PROCESSOR, DISTANT]) {
  t.test(`the same with a paged cache and mixed batches, on ${device.name}`, async t => {
    const folder = await randomLlama(t);
    const environment = new Environment({ logLevel: 'fatal' });
    await checkBatching(t, folder, 25, { session: ONE_THREAD }, (slots, { cacheTokens = 0, ...engine }) => {
      const blockSize = 8;
      // Few blocks, so that the cache's size follows from them: room for the longest sequence, and what was asked for beyond it.
      const blocks = Math.floor((cacheTokens + slots * engine.draftTokens! - slots) / blockSize) + slots;
      return openPagedGeneration(environment, folder, { slots, blockSize, blocks }, engine, device);
    });
  });
}

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
