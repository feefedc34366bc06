import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { buildDecoder } from '#graph/build.js';
import type { Precision } from '#graph/precision.js';
import { loadDecoder } from '#model/decoder/load-decoder.js';
import { loadGeneration } from '#registry/load-generation.js';
import { Environment, OrtError, type Device } from '#runtime/index.js';
import { collect } from '#test/support/answers.js';
import { writeModel } from '#test/support/check-decoder.js';
import { DISTANT } from '#test/support/distant-device.js';
import { exportLlama } from '#test/support/exported-llama.js';
import { greedy } from '#test/support/generation-request.js';
import { LLAMA, llamaShapes } from '#test/support/llama-model.js';
import { EXPERT_MODELS } from '#test/support/models/mixture-of-experts.js';
import { expandPagedAttention } from '#test/support/paged-attention.js';
import { randomLlama, TINY_LLAMA } from '#test/support/random-llama.js';
import { randomTensors } from '#test/support/random-tensors.js';
import { decode, prefill } from '#test/support/run-decoder.js';

const environment = new Environment({ logLevel: 'fatal' });
const HALF: Device = { ...DISTANT, name: 'cuda:0', wantsHalfFloats: true };

t.test('a device whose attention wants 16-bit floats gets them by default', async t => {
  const folder = await randomLlama(t);
  for (const [precision, built] of [
    [undefined, 'decoder-f16'],
    ['int8', 'decoder-int8-half'],
  ] as const) {
    const { decoder } = await loadDecoder(environment, folder, {
      slots: 2,
      precision,
      session: { device: HALF },
    });
    t.equal(decoder.shape.cacheType, 'float16');
    const builds = readdirSync(join(folder, '.kvasir'));
    t.ok(
      builds.some(name => name.startsWith(`${built}-`)),
      builds.join(),
    );
    const logits = await prefill(decoder, 0, [5, 6, 7], 0, 'last');
    decoder.arrange({ kind: 'copy', from: 0, to: 1, length: 3 });
    decoder.arrange({ kind: 'swap', a: 0, b: 1, length: 3 });
    const [next] = [await decode(decoder, [8], [3])];
    t.ok(logits.every(Number.isFinite) && next.every(Number.isFinite));
    decoder.dispose();
  }
});

t.test('numbers that a device has no kernels for are refused', async t => {
  const folder = await randomLlama(t);
  await t.rejects(loadDecoder(environment, folder, { slots: 1, precision: 'bf16' }), {
    code: 'invalid_configuration',
    message: `${folder}: bf16 cannot run on cpu; take one of f32, f16, int8, w8a8, int4`,
  });
  await t.rejects(
    loadDecoder(environment, folder, { slots: 1, precision: 'f32', session: { device: HALF } }),
    {
      code: 'invalid_configuration',
      message: `${folder}: f32 cannot run on cuda:0; take one of f16, bf16, int8, int4`,
    },
  );
});

t.test('a decoder that cannot be made is undone, and what failed is said', async t => {
  const folder = await randomLlama(t);
  const device: Device = { ...DISTANT, staging: { name: 'CudaPinned', id: 0 }, hasPagedAttention: true };
  await expandPagedAttention((await buildDecoder(folder, { cache: 'paged' })).graphPath);
  for (const cache of ['slots', 'paged'] as const)
    await t.rejects(loadDecoder(environment, folder, { slots: 1, cache, session: { device } }), {
      name: 'KvasirError',
      message: `${folder}: ONNX Runtime cannot load or run its graph (INVALID_ARGUMENT)`,
      cause: { message: /^ONNX Runtime: \w+: .*allocator/i },
    });
});

t.test('a mixture of experts is refused in numbers in which kernels are wrong', async t => {
  const folder = t.testdir();
  await writeModel(folder, EXPERT_MODELS[0]!);
  const load = (precision: Precision) =>
    loadDecoder(environment, folder, { slots: 1, precision, session: { device: HALF } });
  for (const precision of ['bf16', 'int8', 'int4'] as const)
    await t.rejects(load(precision), {
      code: 'unsupported_model',
      message: /a mixture of experts runs on CUDA in f16 only/,
    });
  (await load('f16')).decoder.dispose();
});

t.test('a paged cache where there is no kernel for it, or no graph to be written, is refused', async t => {
  const folder = await randomLlama(t);
  await t.rejects(loadDecoder(environment, folder, { slots: 1, cache: 'paged' }), {
    code: 'invalid_configuration',
    message: `${folder}: cpu has no kernel for a paged KV cache, only CUDA has; take the one in slots`,
  });
  const session = { device: { ...HALF, hasPagedAttention: true } };
  await t.rejects(loadDecoder(environment, folder, { slots: 1, cache: 'paged', precision: 'f32', session }), {
    code: 'invalid_configuration',
    message: `${folder}: f32 cannot run on cuda:0; take one of f16, bf16, int8, int4`,
  });
  mkdirSync(join(folder, 'onnx'));
  const form = { attention: 'grouped', positions: 'input' } as const;
  const config = { ...LLAMA, ...TINY_LLAMA };
  await exportLlama(join(folder, 'onnx', 'model.onnx'), config, randomTensors(llamaShapes(config)), form);
  await t.rejects(loadDecoder(environment, folder, { slots: 1, cache: 'paged', format: 'onnx', session }), {
    code: 'invalid_configuration',
    message: /a paged KV cache needs a graph that Kvasir writes, and this one is ready-made/,
  });
});

t.test('a paged cache has the blocks that its memory holds', async t => {
  const folder = await randomLlama(t, { max_position_embeddings: 600 });
  // The build is there already, with other operators where CUDA has a kernel.
  await expandPagedAttention((await buildDecoder(folder, { cache: 'paged' })).graphPath);
  const session = { device: { ...DISTANT, hasPagedAttention: true } };
  // 2 layers of keys and values, 2 heads of 16 features, 4 bytes each.
  const blockBytes = 256 * 2 * 2 * 2 * 16 * 4;
  const open = (cacheBytes?: number) =>
    loadGeneration(environment, folder, { slots: 4, cache: 'paged', cacheBytes, session });
  const inSlots = await loadGeneration(environment, folder, { slots: 4 });
  t.teardown(() => inSlots.close());
  const request = greedy(
    Array.from({ length: 300 }, (_, i) => 2 + (i % 300)),
    { maxTokens: 3, logprobs: 1 },
  );
  const expected = await collect(inSlots.engine, request);
  for (const [bytes, capacity] of [
    [undefined, 4 * 600],
    [6 * blockBytes, 3 * 256 + 3],
    [6.9 * blockBytes, 3 * 256 + 3],
  ] as const) {
    const paged = await open(bytes);
    t.equal(paged.engine.stats().cacheCapacity, capacity);
    t.match((await collect(paged.engine, request)).text, expected.text);
    await paged.close();
  }
  await t.rejects(
    loadGeneration(environment, folder, { slots: 2 ** 30, cache: 'paged', session }),
    /\d+ blocks of 256 tokens do not fit distant: could not allocate .*; set a KV cache of less memory/,
  );
  await t.rejects(open(5 * blockBytes), {
    code: 'invalid_configuration',
    message: 'a KV cache of 515 tokens cannot hold one sequence of 600',
  });
});

t.test(
  'weights that do not fit a device are refused with what would help, and other errors as they are',
  async t => {
    const folder = await randomLlama(t);
    const load = (error: Error) => {
      const addTo = (): never => {
        throw error;
      };
      return loadDecoder(environment, folder, { slots: 1, session: { device: { ...DISTANT, addTo } } });
    };
    const short = 'Available memory of 4 is smaller than requested bytes of 5\n';
    await t.rejects(load(new OrtError('FAIL', short)), {
      code: 'runtime_failure',
      message: `${folder}: the weights do not fit into the memory of distant: take a precision of fewer bits, serve fewer models, or let it have more memory`,
    });
    const cause = new OrtError('FAIL', 'no such kernel');
    await t.rejects(load(cause), {
      code: 'runtime_failure',
      message: `${folder}: ONNX Runtime cannot load or run its graph (FAIL)`,
      cause,
    });
    await t.rejects(load(new Error('a bug')), { message: 'a bug' });
  },
);

t.test('slots that do not fit a device are refused with what would help', async t => {
  const folder = await randomLlama(t);
  for (const device of [DISTANT, { ...DISTANT, isHostMemory: true }])
    await t.rejects(loadDecoder(environment, folder, { slots: 2 ** 36, session: { device } }), {
      code: 'runtime_failure',
      message:
        /slots of 96 tokens do not fit distant: could not allocate [\d.]+ \wiB of memory; set fewer slots or a shorter context/,
    });
});
