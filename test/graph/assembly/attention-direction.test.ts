/** Every decoder as an embedder whose tokens see those behind them, against its formulas in float64. */
import t from 'tap';
import { ModelConfig } from '#graph/config.js';
import { reachBothWays, requireCausal, seesBothWays } from '#graph/assembly/attention-direction.js';
import { gemma3 } from '#graph/families/gemma.js';
import { mistral } from '#graph/families/mistral.js';
import { pooled } from '#test/reference/encoder.js';
import { checkEncoder, openTinyEncoder } from '#test/support/check-encoder.js';
import { asEmbedder } from '#test/support/models/as-encoder.js';
import { MODELS } from '#test/support/models/index.js';

/** Families of which nobody has said what attention both ways would be. */
const CAUSAL = ['gpt_oss'];

for (const model of MODELS.filter(({ config }) => CAUSAL.includes(config.model_type as string)))
  t.test(`${model.name} is refused with attention both ways`, async t => {
    const both = { ...model, config: { ...model.config, is_causal: false } };
    await t.rejects(openTinyEncoder(t, asEmbedder(both)), {
      code: 'unsupported_model',
      message: /attention sinks/,
    });
  });

for (const model of MODELS.filter(({ config }) => !CAUSAL.includes(config.model_type as string)))
  t.test(`${model.name} embeds with attention both ways`, async t => {
    const both = { ...model, config: { ...model.config, is_causal: false } };
    const encoder = await openTinyEncoder(t, asEmbedder(both));
    await checkEncoder(t, encoder, ({ ids }) => [pooled(model.statesBothWays(ids), 'mean')]);
  });

t.test('only the rows of the last tokens are computed at last', async t => {
  const model = MODELS.find(({ name }) => name === 'qwen3, heads padded after their norm')!;
  const config = { ...model.config, is_causal: false, architectures: ['Qwen3ForSequenceClassification'] };
  const { 'lm_head.weight': _, ...body } = model.tensors;
  const score = { shape: [2, 48], values: Array.from({ length: 96 }, (_, i) => Math.sin(i)) };
  const tensors = { ...body, 'score.weight': score };
  const encoder = await openTinyEncoder(t, { config: { ...config, num_labels: 2 }, tensors });
  await checkEncoder(t, encoder, ({ ids }) => {
    const last = model.statesBothWays(ids).at(-1)!;
    return [[0, 1].map(row => last.reduce((sum, x, i) => sum + x * score.values[48 * row + i]!, 0))];
  });
});

const config = (fields: Readonly<Record<string, unknown>>) => new ModelConfig('config.json', fields);

t.test('the fields that say so', async t => {
  const cases: [Record<string, unknown>, boolean][] = [
    [{}, false],
    [{ is_causal: null, use_bidirectional_attention: null }, false],
    [{ is_causal: true }, false],
    [{ is_causal: false }, true],
    [{ use_bidirectional_attention: false }, false],
    [{ use_bidirectional_attention: true }, true],
    [{ is_causal: true, use_bidirectional_attention: true }, true],
    [{ architectures: ['LlamaModel'] }, false],
    [{ architectures: ['AlibiModel'] }, false],
    [{ architectures: ['LlamaBidirectionalModel'] }, true],
    [{ architectures: ['LlamaBidirectionalForSequenceClassification'] }, true],
    [{ architectures: ['MistralBiModel'] }, true],
  ];
  for (const [fields, expected] of cases)
    t.equal(seesBothWays(config(fields)), expected, JSON.stringify(fields));
  t.throws(() => seesBothWays(config({ is_causal: 'no' })), { code: 'invalid_model' });
  t.doesNotThrow(() => requireCausal(config({})));
  t.throws(() => requireCausal(config({ is_causal: false })), {
    code: 'unsupported_model',
    message: /its attention goes both ways/,
  });
});

t.test('how far a window reaches to either side', async t => {
  const sizes = {
    model_type: 'x',
    hidden_size: 48,
    num_attention_heads: 6,
    num_hidden_layers: 2,
    vocab_size: 61,
    max_position_embeddings: 20,
  };
  const windowed = { ...sizes, sliding_window: 5 };
  t.equal(reachBothWays(mistral, config({ ...sizes, is_causal: false })), undefined);
  t.equal(reachBothWays(mistral, config({ ...windowed, is_causal: false })), 5);
  t.equal(reachBothWays(gemma3, config({ ...windowed, is_causal: false })), 5);
  const asked = { ...windowed, use_bidirectional_attention: true };
  t.equal(reachBothWays(gemma3, config(asked)), 2);
  t.throws(() => reachBothWays(mistral, config(asked)), {
    code: 'unsupported_model',
    message: /window of 5/,
  });
});
