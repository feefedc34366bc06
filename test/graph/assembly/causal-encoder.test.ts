import t from 'tap';
import { causalStates, pooled } from '#test/reference/encoder.js';
import { linear } from '#test/reference/operations.js';
import { checkEncoder, openTinyEncoder } from '#test/support/check-encoder.js';
import { LLAMA, llamaShapes } from '#test/support/llama-model.js';
import { randomTensors } from '#test/support/random-tensors.js';

const FIELDS = { ...LLAMA, max_position_embeddings: 40 };

/** Weights of a bare model: without a head, and without its name before each weight. */
function bareShapes(config: typeof FIELDS): Record<string, readonly number[]> {
  const shapes = Object.entries(llamaShapes({ ...config, tie_word_embeddings: true }));
  return Object.fromEntries(shapes.map(([name, shape]) => [name.replace(/^model\./, ''), shape]));
}

const cases: [string, Record<string, unknown>][] = [
  ['Llama: grouped-query attention, padded heads', { model_type: 'llama' }],
  ['Llama with biases', { model_type: 'llama', attention_bias: true, mlp_bias: true }],
  ['Mistral', { model_type: 'mistral', sliding_window: null, head_dim: 16 }],
  ['Qwen2: biases of queries, keys and values', { model_type: 'qwen2' }],
  ['Qwen3: normalised heads', { model_type: 'qwen3', head_dim: 16 }],
  ['rope_parameters', { model_type: 'llama', rope_parameters: { rope_type: 'default', rope_theta: 50 } }],
];

for (const [name, changes] of cases)
  t.test(name, async t => {
    const config = { ...FIELDS, ...changes, architectures: ['LlamaModel'] };
    const shapes = bareShapes(config);
    const keys = 3 * ((changes.head_dim as number | undefined) ?? 8);
    for (let layer = 0; layer < 2; layer++) {
      const attention = `layers.${layer}.self_attn`;
      if (changes.model_type === 'qwen2')
        Object.assign(shapes, {
          [`${attention}.q_proj.bias`]: [2 * keys],
          [`${attention}.k_proj.bias`]: [keys],
          [`${attention}.v_proj.bias`]: [keys],
        });
      if (changes.model_type === 'qwen3')
        Object.assign(shapes, { [`${attention}.q_norm.weight`]: [16], [`${attention}.k_norm.weight`]: [16] });
    }
    const tensors = randomTensors(shapes);
    const encoder = await openTinyEncoder(t, { config, tensors });
    await checkEncoder(t, encoder, input => [pooled(causalStates(config, tensors, input), 'mean')]);
  });

t.test('a classifier of the last token', async t => {
  const config = { ...FIELDS, architectures: ['LlamaForSequenceClassification'], num_labels: 3 };
  const tensors = randomTensors({ ...llamaShapes(config), 'score.weight': [3, config.hidden_size] });
  const encoder = await openTinyEncoder(t, { config, tensors });
  await checkEncoder(t, encoder, input => [
    linear(pooled(causalStates(config, tensors, input), 'lasttoken'), tensors['score.weight']!),
  ]);
});

t.test('no text is longer than the window', async t => {
  const config = { ...FIELDS, model_type: 'mistral', sliding_window: 33, architectures: ['MistralModel'] };
  const encoder = await openTinyEncoder(t, { config, tensors: randomTensors(bareShapes(config)) });
  t.equal(encoder.contextLength, 33);
});

t.test('what a decoder has no head for', async t => {
  for (const head of ['MaskedLM', 'QuestionAnswering']) {
    const config = { ...FIELDS, architectures: [`LlamaFor${head}`] };
    const model = { config, tensors: randomTensors(bareShapes(config)) };
    await t.rejects(openTinyEncoder(t, model), { code: 'unsupported_model' });
  }
  const config = { ...FIELDS, architectures: ['LlamaModel'], rope_scaling: { rope_type: 'cubic' } };
  const model = { config, tensors: randomTensors(bareShapes(config)) };
  await t.rejects(openTinyEncoder(t, model), { code: 'unsupported_model', message: /cubic/ });
});
