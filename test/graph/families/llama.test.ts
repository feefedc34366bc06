import t from 'tap';
import { llamaLogits } from '#test/reference/llama.js';
import { checkDecoder, openDecoder } from '#test/support/check-decoder.js';
import { LLAMA, llamaShapes, type LlamaModelConfig } from '#test/support/llama-model.js';
import { quantizedTensors } from '#test/support/quantized-tensors.js';
import { randomTensors } from '#test/support/random-tensors.js';
import type { StoredType } from '#test/support/safetensors.js';

const cases: [string, Partial<LlamaModelConfig>, StoredType?][] = [
  ['grouped-query attention, heads of 8', {}],
  ['multi-head attention, heads of 16', { hidden_size: 64, num_attention_heads: 4, num_key_value_heads: 4 }],
  ['multi-query attention, heads of 24', { num_attention_heads: 2, num_key_value_heads: 1 }],
  ['heads of 32', { hidden_size: 64, num_attention_heads: 2, num_key_value_heads: 2 }],
  ['heads of another size than hidden / heads', { head_dim: 10, num_attention_heads: 3 }],
  ['an output projection of its own', { tie_word_embeddings: false }],
  ['a vocabulary of two blocks', { vocab_size: 192 }],
  ['biases', { attention_bias: true, mlp_bias: true }],
  ['weights in half precision', { tie_word_embeddings: false }, 'F16'],
  ['weights in bfloat16', { attention_bias: true }, 'BF16'],
];

for (const [name, changes, storedAs = 'F32'] of cases) {
  t.test(name, async t => {
    const config = { ...LLAMA, ...changes };
    const tensors = randomTensors(llamaShapes(config), 1, storedAs === 'F32' ? 0 : 1 / 64);
    const decoder = await openDecoder(t, { config, tensors, storedAs });
    await checkDecoder(t, decoder, ids => llamaLogits(config, tensors, ids));
  });
}

// Heads without padding, so that blocks of the graph's matrices are those of the model's.
const WHOLE_HEADS = { ...LLAMA, hidden_size: 64, num_attention_heads: 4, num_key_value_heads: 2 };

for (const [precision, tolerance] of [
  ['f16', 0.02],
  ['int8', 0.1],
  ['w8a8', 0.1],
  ['int4', 0.1],
] as const) {
  for (const tied of [true, false]) {
    t.test(`${precision}, ${tied ? 'tied' : 'untied'}, as exact as its arithmetic`, async t => {
      const config = { ...WHOLE_HEADS, tie_word_embeddings: tied, attention_bias: true };
      const tensors = randomTensors(llamaShapes(config));
      const decoder = await openDecoder(t, { config, tensors }, precision);
      const quantized = await quantizedTensors(tensors, precision);
      await checkDecoder(t, decoder, ids => llamaLogits(config, quantized, ids), tolerance);
    });
  }
}

t.test('int8 with padded heads stays near the model', async t => {
  const tensors = randomTensors(llamaShapes(LLAMA));
  const decoder = await openDecoder(t, { config: LLAMA, tensors }, 'int8');
  await checkDecoder(t, decoder, ids => llamaLogits(LLAMA, tensors, ids), 0.2);
});
