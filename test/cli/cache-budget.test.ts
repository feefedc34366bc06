import { rm } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { CacheBudget } from '#cli/cache-budget.js';
import { modelPlans, type ModelPlan } from '#config/models.js';
import { readSettings } from '#config/read.js';
import type { ModelSettings } from '#config/settings.js';
import { inspectModel } from '#model/inspect.js';
import { cacheShare } from '#model/cache/memory-share.js';
import { writeModel } from '#test/support/check-decoder.js';
import { encoderConfig, encoderShapes } from '#test/support/encoder-models.js';
import { randomLlama } from '#test/support/random-llama.js';
import { randomTensors } from '#test/support/random-tensors.js';

const MEMORY = 10 ** 9;

async function plansOf(models: readonly ModelSettings[]): Promise<readonly ModelPlan[]> {
  const settings = await readSettings({ commandLine: {}, environment: {} });
  return modelPlans({ ...settings, models: [...models] }, []);
}

t.test('generators without a setting of their own share what the weights of all leave', async t => {
  const [one, two] = [await randomLlama(t), await randomLlama(t)];
  const encoder = t.testdir();
  const config = encoderConfig('bert');
  await writeModel(encoder, { config, tensors: randomTensors(encoderShapes(config)) });
  const plans = await plansOf([
    { folder: one, name: 'one' },
    { folder: two, name: 'two', precision: 'int8', load: 'demand' },
    { folder: one, name: 'set', kv_cache_memory: 10 ** 8 },
    { folder: encoder, name: 'encoder' },
  ]);
  const loaded = await Promise.all(
    plans.map(
      async ({ folder, slots, precision }) => (await inspectModel(folder, { slots, precision })).loadedBytes,
    ),
  );
  const budget = new CacheBudget(plans, MEMORY);
  const weights = loaded.reduce((sum, bytes) => sum + bytes, 0);
  const share = cacheShare({ memory: MEMORY, weights, caches: 10 ** 8, models: 2 });
  t.ok(share > 0);
  t.equal(await budget.shareOf(plans[0]!, one), share);
  t.equal(await budget.shareOf(plans[1]!, two), share);
});

t.test('a broken folder takes nothing', async t => {
  const [one, broken] = [await randomLlama(t), await randomLlama(t)];
  await rm(path.join(broken, 'config.json'));
  const plans = await plansOf([
    { folder: one, name: 'one' },
    { folder: broken, name: 'broken' },
  ]);
  const weights = (await inspectModel(one, { slots: 1 })).loadedBytes;
  const share = await new CacheBudget(plans, MEMORY).shareOf(plans[0]!, one);
  t.equal(share, cacheShare({ memory: MEMORY, weights, caches: 0, models: 1 }));
});
