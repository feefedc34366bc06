import t from 'tap';
import { llamaLogits } from '../../reference/llama.js';
import { checkDecoder, openDecoder } from '../../support/check-decoder.js';
import { LLAMA, llamaShapes, type LlamaModelConfig } from '../../support/llama-model.js';
import { randomTensors } from '../../support/random-tensors.js';
import type { StoredType } from '../../support/safetensors.js';

const cases: [string, Partial<LlamaModelConfig>, StoredType?][] = [
  ['grouped-query attention, heads of 8', {}],
  ['multi-head attention, heads of 16', { hidden_size: 64, num_attention_heads: 4, num_key_value_heads: 4 }],
  ['multi-query attention, heads of 24', { num_attention_heads: 2, num_key_value_heads: 1 }],
  ['heads of 32', { hidden_size: 64, num_attention_heads: 2, num_key_value_heads: 2 }],
  ['heads of another size than hidden / heads', { head_dim: 10, num_attention_heads: 3 }],
  ['an output projection of its own', { tie_word_embeddings: false }],
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
