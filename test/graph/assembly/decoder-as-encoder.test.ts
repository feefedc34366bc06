/**
 * Every decoder as an encoder, against its formulas in float64 and in ragged batches: in floats closely, in 8
 * bits roughly.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { pooled } from '#test/reference/encoder.js';
import { llamaStates } from '#test/reference/llama.js';
import { linear } from '#test/reference/operations.js';
import { similarity, writeModel } from '#test/support/check-decoder.js';
import { checkEncoder, openEncoder, openTinyEncoder, randomInputs } from '#test/support/check-encoder.js';
import { LLAMA, llamaShapes } from '#test/support/llama-model.js';
import { asClassifier, asEmbedder } from '#test/support/models/as-encoder.js';
import { MODELS } from '#test/support/models/index.js';
import { PHI3_LONG, PHI3_SHORT } from '#test/support/models/phi3.js';
import { randomTensors } from '#test/support/random-tensors.js';

for (const model of MODELS) {
  t.test(`${model.name} embeds`, async t => {
    const encoder = await openTinyEncoder(t, asEmbedder(model));
    await checkEncoder(t, encoder, ({ ids }) => [pooled(model.states(ids), 'mean')]);
  });

  t.test(`${model.name} classifies texts by their last token`, async t => {
    const classifier = asClassifier(model);
    const encoder = await openTinyEncoder(t, classifier);
    const score = classifier.tensors['score.weight']!;
    await checkEncoder(t, encoder, ({ ids }) => [linear(model.states(ids).at(-1)!, score)]);
  });

  t.test(`${model.name} embeds in int8`, async t => {
    const encoder = await openTinyEncoder(t, asEmbedder(model), { precision: 'int8' });
    const inputs = randomInputs([20, 3, 11, 1], encoder.vocabularySize);
    const outputs = await encoder.run(inputs);
    outputs.forEach(({ values }, i) => {
      const cosine = similarity(values, [pooled(model.states(inputs[i]!.ids), 'mean')]);
      t.ok(cosine > 0.99, `cosine of the angle between the vectors of text ${i}: ${cosine.toFixed(4)}`);
    });
  });
}

const LOGIT_SCORE = {
  'modules.json': [
    { idx: 0, name: '0', path: '', type: 'sentence_transformers.base.modules.transformer.Transformer' },
    { idx: 1, name: '1', path: '1', type: 'sentence_transformers.cross_encoder.modules.LogitScore' },
  ],
  'sentence_bert_config.json': { transformer_task: 'text-generation' },
};

for (const model of MODELS)
  t.test(`${model.name} scores texts by the logits of two tokens`, async t => {
    const folder = path.join(t.testdir(), 'model');
    await writeModel(folder, model);
    await mkdir(path.join(folder, '1'));
    const files = { ...LOGIT_SCORE, '1/config.json': { true_token_id: 7, false_token_id: 3 } };
    for (const [name, content] of Object.entries(files))
      await writeFile(path.join(folder, name), JSON.stringify(content));
    const encoder = await openEncoder(t, folder);
    const inputs = randomInputs([6, 1, 11], encoder.vocabularySize);
    const outputs = await encoder.run(inputs);
    inputs.forEach(({ ids }, i) => {
      const logits = model.reference(ids).at(-1)!;
      const error = Math.abs(outputs[i]!.values[0]! - (logits[7]! - logits[3]!));
      const size = Math.max(...logits.map(Math.abs));
      t.ok(error < 1e-4 * size, `score ${i} is off by ${error.toExponential(1)}`);
    });
  });

const FIELDS = { ...LLAMA, max_position_embeddings: 40 };

const changes: [string, Record<string, unknown>][] = [
  ['biases', { attention_bias: true, mlp_bias: true }],
  ['rope_parameters', { rope_parameters: { rope_type: 'default', rope_theta: 100 }, rope_theta: 7 }],
  ['heads of 16 that need no padding', { head_dim: 16 }],
  ['Mistral without a window', { model_type: 'mistral', sliding_window: null }],
];

for (const [name, fields] of changes)
  t.test(`a Llama with ${name}`, async t => {
    const config = { ...FIELDS, ...fields };
    const tensors = randomTensors(llamaShapes(config));
    const encoder = await openTinyEncoder(t, asEmbedder({ config, tensors }));
    await checkEncoder(t, encoder, ({ ids }) => [
      pooled(llamaStates({ ...config, rope_theta: 100 }, tensors, ids), 'mean'),
    ]);
  });

for (const model of MODELS.filter(({ name }) => ['gpt2', 'gemma2'].includes(name)))
  t.test(`${model.name} classifies tokens`, async t => {
    const classifier = asClassifier(model, 'Token');
    const encoder = await openTinyEncoder(t, classifier);
    const name = model.name === 'gpt2' ? 'classifier' : 'score';
    const [weight, bias] = ['weight', 'bias'].map(part => classifier.tensors[`${name}.${part}`]!);
    await checkEncoder(t, encoder, ({ ids }) => model.states(ids).map(x => linear(x, weight!, bias)));
  });

t.test('the served context decides between the frequencies of LongRoPE', async t => {
  for (const [contextLength, { states }] of [
    [20, PHI3_LONG],
    [8, PHI3_SHORT],
  ] as const) {
    const encoder = await openTinyEncoder(t, asEmbedder(PHI3_LONG), { contextLength });
    await checkEncoder(t, encoder, ({ ids }) => [pooled(states(ids), 'mean')]);
  }
});

t.test('what a decoder has no head for, and does not see', async t => {
  const tensors = randomTensors(llamaShapes(FIELDS));
  for (const head of ['MaskedLM', 'QuestionAnswering']) {
    const config = { ...FIELDS, architectures: [`LlamaFor${head}`] };
    await t.rejects(openTinyEncoder(t, { config, tensors }), { code: 'unsupported_model' });
  }
  const refused: [Record<string, unknown>, RegExp][] = [
    [{ rope_scaling: { rope_type: 'cubic' } }, /cubic/],
    [
      { model_type: 'mistral', sliding_window: 4, use_bidirectional_attention: true },
      /how far a window of 4 reaches/,
    ],
  ];
  for (const [fields, message] of refused) {
    const model = asEmbedder({ config: { ...FIELDS, ...fields }, tensors });
    await t.rejects(openTinyEncoder(t, model), { code: 'unsupported_model', message });
  }
});
