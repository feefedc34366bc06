import path from 'node:path';
import t from 'tap';
import { requireFiniteFeatures, requireFiniteLogits, requireFiniteOutput } from '#model/trial.js';
import type { VisionEncoder } from '#model/vision/contract.js';
import { loadModel } from '#registry/load.js';
import { Environment } from '#runtime/index.js';
import { exportLlama } from '#test/support/exported-llama.js';
import { FakeDecoder } from '#test/support/fake-decoder.js';
import { FakeEncoder } from '#test/support/fake-encoder.js';
import { LLAMA, llamaShapes } from '#test/support/llama-model.js';
import { randomLlama, TINY_LLAMA } from '#test/support/random-llama.js';
import { randomTensors } from '#test/support/random-tensors.js';

const environment = new Environment({ logLevel: 'fatal' });

const REFUSAL = {
  code: 'invalid_model',
  message: /a trial run gave numbers that are not finite \(NaN or infinity\): its weights are broken/,
};

/** A decoder with the logits of a test. */
function decoderOf(logits: readonly number[]): FakeDecoder {
  const decoder = new FakeDecoder(1, logits.length, 8, () => 0);
  decoder.run = async () => ({ results: [{ logits: Float32Array.from(logits) }], runs: [] });
  return decoder;
}

t.test('logits', async t => {
  for (const broken of [
    [NaN, 1],
    [1, NaN],
    [Infinity, 0],
    [-Infinity, -Infinity],
  ])
    await t.rejects(requireFiniteLogits('m', decoderOf(broken)), REFUSAL, broken.join());
  await requireFiniteLogits('m', decoderOf([-Infinity, 3]));
  await t.rejects(
    requireFiniteLogits(
      'm',
      Object.assign(decoderOf([1]), {
        run: async () => ({ results: [{ error: new Error('no kernel') }], runs: [] }),
      }),
    ),
    { message: 'no kernel' },
  );
});

t.test('pictures', async t => {
  const seen: string[] = [];
  const encoderOf = (value: number): VisionEncoder => ({
    task: 'image-embedding',
    width: 1,
    tokensOf: () => 1,
    takes: () => true,
    run: async inputs => {
      seen.push(...inputs.map(({ width, height, pixels }) => `${width}x${height}: ${pixels.length}`));
      return [{ values: Float32Array.of(value), rows: 1, width: 1 }];
    },
    abort: () => undefined,
    dispose: () => undefined,
  });
  const size = { width: 3, height: 2 };
  await requireFiniteFeatures('m', encoderOf(1), size);
  await t.rejects(requireFiniteFeatures('m', encoderOf(NaN), size), REFUSAL);
  t.strictSame(seen, ['3x2: 18', '3x2: 18']);
});

t.test('nothing of a trial is left in the cache', async t => {
  const decoder = new FakeDecoder(2, 11, 3, () => 0);
  await requireFiniteLogits('m', decoder);
  t.strictSame(decoder.cells, [[], []]);
});

t.test('outputs of encoders', async t => {
  for (const task of ['embedding', 'fill-mask'] as const) {
    const encoder = new FakeEncoder(task);
    await requireFiniteOutput('m', encoder);
    for (const value of [NaN, Infinity, -Infinity]) {
      encoder.run = async () => [{ values: Float32Array.of(0, value), rows: 1, width: 2 }];
      await t.rejects(requireFiniteOutput('m', encoder), REFUSAL);
    }
  }
});

t.test('a ready-made decoder with broken weights is refused when it is loaded', async t => {
  const folder = await randomLlama(t, { hidden_size: 64 });
  const config = { ...LLAMA, ...TINY_LLAMA, hidden_size: 64 };
  const sound = randomTensors(llamaShapes(config));
  const norm = { shape: [64], values: Array<number>(64).fill(NaN) };
  const file = path.join(folder, 'model.onnx');
  const load = () =>
    loadModel(environment, folder, { slots: 1, format: 'onnx', session: { intraOpThreads: 1 } });
  for (const attention of ['grouped', 'primitive'] as const) {
    const positions = attention === 'grouped' ? 'in operator' : 'input';
    await exportLlama(file, config, { ...sound, 'model.norm.weight': norm }, { attention, positions });
    await t.rejects(load(), REFUSAL, attention);
    await exportLlama(file, config, sound, { attention, positions });
    await (await load()).close();
  }
});
