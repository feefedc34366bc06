import { readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { int } from '#graph/onnx/attributes.js';
import { DataType, GraphBuilder } from '#graph/onnx/graph-builder.js';
import { loadModel, type ModelOptions } from '#registry/load.js';
import { readCard } from '#registry/read-card.js';
import { Environment } from '#runtime/index.js';
import { writeModel } from '#test/support/check-decoder.js';
import { startCommand } from '#test/support/command.js';
import { encoderConfig, encoderShapes, type Head } from '#test/support/encoder-models.js';
import { randomLlama } from '#test/support/random-llama.js';
import { randomTensors } from '#test/support/random-tensors.js';
import { linearGraph } from '#test/support/raw-models.js';
import { sentencePieceModel } from '#test/support/sentencepiece-fixtures.js';
import { WORD_PIECE } from '#test/support/tiny-tokenizers.js';

const environment = new Environment({ logLevel: 'fatal' });
const session = { intraOpThreads: 1 };

/** Loads a folder, and demands that it is what its card said before. */
async function checkCard(t: Test, folder: string, options: Partial<ModelOptions> = {}): Promise<void> {
  const { format, precision, contextLength } = options;
  const card = await readCard(folder, { format, precision, contextLength });
  const model = await loadModel(environment, folder, { slots: 1, session, ...options });
  t.teardown(() => model.close());
  t.strictSame(model.card, card);
  t.equal(card.contextLength, model.engine?.contextLength ?? card.contextLength);
}

async function encoderFolder(t: Test, head: Head, labels: readonly string[] = []): Promise<string> {
  const folder = t.testdir();
  const config = encoderConfig('bert', head, { id2label: { ...labels } });
  await writeModel(folder, { config, tensors: randomTensors(encoderShapes(config, head, labels.length)) });
  await writeFile(path.join(folder, 'tokenizer.json'), JSON.stringify(WORD_PIECE));
  return folder;
}

const TEMPLATES = {
  none: undefined,
  chat: '{% for m in messages %}{{ m.content }}{% endfor %}',
  tools: '{{ tools }}{% for m in messages %}{{ m.content }}{% endfor %}',
};

for (const [name, template] of Object.entries(TEMPLATES))
  t.test(`generators, template: ${name}`, async t => {
    const folder = await randomLlama(t);
    if (template !== undefined) await writeFile(path.join(folder, 'chat_template.jinja'), template);
    await checkCard(t, folder);
    await checkCard(t, folder, { contextLength: 40 });
    const { abilities, task, contextLength } = await readCard(folder, { contextLength: 40 });
    t.equal(abilities.has('chat'), name !== 'none');
    t.equal(abilities.has('tools'), name === 'tools');
    t.match({ task, contextLength }, { task: 'text-generation', contextLength: 40 });
  });

t.test('an embedder', async t => {
  const folder = await encoderFolder(t, 'Model');
  await checkCard(t, folder);
  t.match(await readCard(folder), { task: 'embedding', abilities: new Set(['embed', 'score']), labels: [] });
});

for (const labels of [['bad', 'good'], ['relevance']])
  t.test(`a classifier of ${labels.join()}`, async t => {
    const folder = await encoderFolder(t, 'ForSequenceClassification', labels);
    await checkCard(t, folder);
    const card = await readCard(folder);
    t.match(card, { task: 'sequence-classification', labels });
    t.equal(card.abilities.has('score'), labels.length === 1);
  });

t.test('a graph without a tokenizer', async t => {
  const folder = t.testdir();
  await linearGraph().save(path.join(folder, 'model.onnx'));
  await checkCard(t, folder);
  t.strictSame([...(await readCard(folder)).abilities], ['tensors']);
});

/** Changes of config.json that contradict the weights, or nothing can fit. */
const CONTRADICTIONS: readonly Readonly<Record<string, unknown>>[] = [
  { hidden_size: 1e9 },
  { hidden_size: 64 },
  { hidden_size: 0 },
  { hidden_size: '48' },
  { intermediate_size: 2 ** 40 },
  { num_hidden_layers: 1e9 },
  { num_hidden_layers: 3 },
  { num_attention_heads: 1e9 },
  { num_key_value_heads: 3 },
  { head_dim: 2 ** 30 },
  { vocab_size: 1e9 },
  { vocab_size: 319 },
  { max_position_embeddings: 1e12 },
  { max_position_embeddings: -1 },
  { rope_theta: 0 },
  { rope_theta: -1 },
  { rope_theta: null, rope_parameters: { rope_theta: 0 } },
  { rope_scaling: { rope_type: 'linear', factor: 0 } },
  { rope_scaling: { rope_type: 'spiral' } },
  { rms_norm_eps: 'small' },
  { hidden_act: 'none' },
  { model_type: 'brontosaurus' },
  { quantization_config: { quant_method: 'hqq' } },
  { quantization_config: { quant_method: 'gptq', bits: 5 } },
  { is_causal: false },
  { tie_word_embeddings: 'yes' },
];

/** What is wrong with a folder, by a name. */
const FAULTS: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  'no tokenizer': folder => rm(path.join(folder, 'tokenizer.json')),
  'no config': folder => rm(path.join(folder, 'config.json')),
  'no weights': folder => rm(path.join(folder, 'model.safetensors')),
  'weights cut off': folder => truncate(path.join(folder, 'model.safetensors'), 5000),
  'only a pickle of weights': folder =>
    rename(path.join(folder, 'model.safetensors'), path.join(folder, 'pytorch_model.bin')),
  'another tokenizer': folder =>
    rename(path.join(folder, 'tokenizer.json'), path.join(folder, 'tokenizer.model')),
  'broken generation_config': folder => writeFile(path.join(folder, 'generation_config.json'), '{'),
  'generation_config is a list': folder => writeFile(path.join(folder, 'generation_config.json'), '[]'),
  'end token': folder =>
    writeFile(path.join(folder, 'generation_config.json'), '{ "eos_token_id": "no number" }'),
  'broken template': folder => writeFile(path.join(folder, 'chat_template.jinja'), '{% for %}'),
  'broken tokenizer_config': folder => writeFile(path.join(folder, 'tokenizer_config.json'), '{{{'),
  'broken tokenizer': folder => writeFile(path.join(folder, 'tokenizer.json'), '{{{'),
  'no model in the tokenizer': folder => writeFile(path.join(folder, 'tokenizer.json'), '{}'),
  'half a tokenizer': async folder => {
    await rm(path.join(folder, 'tokenizer.json'));
    await writeFile(path.join(folder, 'tokenizer_config.json'), '{"tokenizer_class":"MarianTokenizer"}');
    await writeFile(path.join(folder, 'source.spm'), sentencePieceModel('english'));
  },
  'broken SentencePiece model': async folder => {
    await rm(path.join(folder, 'tokenizer.json'));
    await writeFile(path.join(folder, 'tokenizer.model'), sentencePieceModel('bpe').subarray(0, 999));
  },
  'two added tokens of one id': folder =>
    changeJson(path.join(folder, 'tokenizer.json'), {
      added_tokens: ['<a>', '<b>'].map(content => ({ id: 7, content, special: true })),
    }),
  ...Object.fromEntries(
    CONTRADICTIONS.map(change => [
      JSON.stringify(change),
      (folder: string) => changeJson(path.join(folder, 'config.json'), change),
    ]),
  ),
};

async function changeJson(file: string, change: object): Promise<void> {
  const fields = JSON.parse(await readFile(file, 'utf8')) as object;
  await writeFile(file, JSON.stringify({ ...fields, ...change }));
}

t.test('what serving would refuse is refused, with the same words', async t => {
  for (const [name, spoil] of Object.entries(FAULTS)) {
    const folder = await randomLlama(t);
    await spoil(folder);
    const refusal = await loadModel(environment, folder, { slots: 1, session }).then(
      () => t.fail(`${name}: it was loaded`),
      (error: Error) => error,
    );
    t.match(refusal, { name: 'KvasirError', message: folder }, name);
    await t.rejects(readCard(folder, { withTokenizer: true }), refusal as Error, name);
  }
});

t.test('ready-made encoders that serving would refuse', async t => {
  const graphs: readonly [name: string, input: string, output: string, message: RegExp][] = [
    [
      'an odd output',
      'input_ids',
      'onnx::Shape_422',
      /has the float outputs onnx::Shape_422 \[batch, sequence\], none of which/,
    ],
    ['an odd input', 'pixels', 'last_hidden_state', /has an input 'pixels' \(int64\), which is not known/],
  ];
  for (const [name, input, output, message] of graphs) {
    const folder = await encoderFolder(t, 'Model');
    const graph = new GraphBuilder();
    const ids = graph.input(input, DataType.INT64, ['batch', 'sequence']);
    const to = { to: int(DataType.FLOAT) };
    graph.node({ op: 'Cast', inputs: [ids], name: 'cast', outputs: [output], attributes: to });
    graph.output(output, DataType.FLOAT, ['batch', 'sequence']);
    await graph.save(path.join(folder, 'model.onnx'));
    const refusal = { code: 'unsupported_model', message };
    await t.rejects(readCard(folder, { format: 'onnx' }), refusal, name);
    await t.rejects(readCard(folder, { format: 'onnx' }), { message: path.join(folder, 'model.onnx') }, name);
    await t.rejects(loadModel(environment, folder, { slots: 1, session, format: 'onnx' }), refusal, name);
  }
});

t.test('both of two added tokens of one id are named', async t => {
  const folder = await randomLlama(t);
  await FAULTS['two added tokens of one id']!(folder);
  await t.rejects(readCard(folder, { withTokenizer: true }), {
    code: 'invalid_model',
    message: /tokenizer\.json .*the added tokens "<a>" and "<b>" both have the id 7/,
  });
});

t.test('inspect, build and serve say the same', async t => {
  for (const name of ['weights cut off', 'no model in the tokenizer', '{"hidden_size":1000000000}']) {
    const folder = await randomLlama(t);
    await FAULTS[name]!(folder);
    const commands = ['inspect', 'build', 'serve'].map(command => startCommand(t, [command, folder]));
    const answers = new Set<string>();
    for (const command of commands) {
      t.equal(await command.exit, 1, name);
      answers.add(command.stderr());
    }
    t.equal(answers.size, 1, [...answers].join(''));
    t.match([...answers][0], /^kvasir: [^\n]+\n$/);
  }
});

t.test('small files alone tell a card, where that is asked for', async t => {
  const folder = await randomLlama(t);
  const card = await readCard(folder);
  await rm(path.join(folder, 'model.safetensors'));
  t.strictSame(await readCard(folder, { withoutWeights: true }), card);
  await t.rejects(readCard(folder), { code: 'invalid_model' });
});
