import t from 'tap';
import { buildDecoder } from '#graph/build.js';
import { writeModel } from '#test/support/check-decoder.js';
import { LLAMA, llamaShapes } from '#test/support/llama-model.js';
import { MODELS } from '#test/support/models/index.js';
import { randomTensors } from '#test/support/random-tensors.js';
import { loadGraph } from '#test/support/run-graph.js';

/**
 * Only CUDA has a kernel; what the processor can say is whether the operator's schema takes the node as it
 * is. It does where ONNX Runtime gets as far as to cast half floats to floats, for want of kernels, and only
 * then finds that this operator has none.
 */
for (const [name, ...precisions] of [
  ['llama, linear', 'f16', 'int8'],
  ['qwen3, heads padded after their norm', 'f16', 'int8'],
  ['gemma2', 'f16', 'int8'],
  ['gemma3n_text', 'f16', 'int8'],
  ['gemma4_text', 'f16', 'int8'],
  // CUDA runs experts in f16 alone.
  ['deepseek_v2, YaRN, experts within groups', 'f16'],
] as const) {
  for (const precision of precisions) {
    t.test(`${name}, ${precision}: nothing but the kernel is missing`, async t => {
      const folder = t.testdir();
      await writeModel(
        folder,
        MODELS.find(model => model.name === name)!,
      );
      const { graphPath, cacheType } = await buildDecoder(folder, {
        precision,
        cache: 'paged',
        halfFloats: true,
      });
      t.equal(cacheType, 'float16');
      await t.rejects(loadGraph(graphPath), {
        message: /InsertedPrecisionFreeCast_.* of operator \(PagedAttention\)/,
      });
    });
  }
}

t.test('the operator has no 32-bit floats', async t => {
  const folder = t.testdir();
  await writeModel(folder, MODELS[0]!);
  const { graphPath } = await buildDecoder(folder, { cache: 'paged' });
  await t.rejects(loadGraph(graphPath), {
    message: /Type 'tensor\(float\)' of input parameter \(layer.0.qkv\) of operator \(PagedAttention\)/,
  });
});

t.test('heads that its kernels do not take', async t => {
  const folder = t.testdir();
  const config = { ...LLAMA, head_dim: 260 };
  await writeModel(folder, { config, tensors: randomTensors(llamaShapes(config)) });
  await t.rejects(buildDecoder(folder, { cache: 'paged' }), {
    code: 'unsupported_model',
    message: /takes heads of at most 256 features, and here they have 260/,
  });
});
