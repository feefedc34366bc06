import t from 'tap';
import { buildDecoder } from '#graph/build.js';
import { writeModel } from '#test/support/check-decoder.js';
import { MODELS } from '#test/support/models/index.js';
import { loadGraph } from '#test/support/run-graph.js';

/**
 * Only CUDA has a kernel; what the processor can say is whether the operator's schema takes the node as it
 * is. It does where ONNX Runtime gets as far as to cast half floats to floats, for want of kernels, and only
 * then finds that this operator has none.
 */
for (const name of [
  'llama, linear',
  'qwen3, heads padded after their norm',
  'gemma2',
  'gemma3n_text',
  'gemma4_text',
]) {
  for (const precision of ['f16', 'int8'] as const) {
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
