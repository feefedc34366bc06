import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { readSentenceModules } from '#graph/sentence-modules.js';
import { hiddenStates, normalized, pooled } from '#test/reference/encoder.js';
import { erf, linear, type Vector } from '#test/reference/operations.js';
import { checkEncoder, openEncoder } from '#test/support/check-encoder.js';
import { encoderConfig, encoderShapes } from '#test/support/encoder-models.js';
import { POOLING_MODES } from '#test/support/pooling-modes.js';
import { randomTensors } from '#test/support/random-tensors.js';
import { writeSafetensors } from '#test/support/safetensors.js';
import { writeModel } from '#test/support/check-decoder.js';

const HIDDEN = 24;
const CONFIG = encoderConfig('bert');
const TENSORS = randomTensors(encoderShapes(CONFIG));

interface ModuleEntry {
  readonly type: string;
  readonly path: string;
  /** Its `config.json`. */
  readonly config?: Readonly<Record<string, unknown>>;
}

const TRANSFORMER = { type: 'sentence_transformers.models.Transformer', path: '' };
const NORMALIZE = { type: 'sentence_transformers.models.Normalize', path: '9_Normalize' };

function pooling(fields: Readonly<Record<string, unknown>>): ModuleEntry {
  return { type: 'sentence_transformers.models.Pooling', path: '1_Pooling', config: fields };
}

function dense(place: string, inputs: number, outputs: number, activation: string, bias = true): ModuleEntry {
  const config = {
    in_features: inputs,
    out_features: outputs,
    bias,
    activation_function: `torch.nn.modules.${activation}`,
  };
  return { type: 'sentence_transformers.models.Dense', path: place, config };
}

/** Only one mode. */
function mode(name: string): Record<string, boolean> {
  const field = name === 'cls' || name === 'max' || name === 'mean' ? `${name}_tokens` : name;
  return {
    pooling_mode_mean_tokens: false,
    [`pooling_mode_${field.replace('cls_tokens', 'cls_token').replace('weightedmean', 'weightedmean_tokens')}`]: true,
  };
}

async function writeModules(folder: string, modules: readonly ModuleEntry[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  const entries = modules.map(({ type, path: place }, idx) => ({ idx, name: `${idx}`, path: place, type }));
  await writeFile(path.join(folder, 'modules.json'), JSON.stringify(entries));
  for (const { path: place, config } of modules) {
    if (config === undefined) continue;
    await mkdir(path.join(folder, place), { recursive: true });
    await writeFile(path.join(folder, place, 'config.json'), JSON.stringify(config));
  }
}

/** A BERT with modules behind it, and the weights of its dense layers. */
async function writeSentenceModel(
  t: Test,
  modules: readonly ModuleEntry[],
): Promise<{ folder: string; weights: ReturnType<typeof randomTensors>[] }> {
  const folder = t.testdir();
  await writeModel(path.join(folder, modules[0]!.path), { config: CONFIG, tensors: TENSORS });
  await writeModules(folder, modules);
  const weights: ReturnType<typeof randomTensors>[] = [];
  for (const { type, path: place, config } of modules) {
    if (!type.endsWith('Dense') || config === undefined) continue;
    const [rows, columns] = [config.out_features as number, config.in_features as number];
    const shapes = {
      'linear.weight': [rows, columns],
      ...(config.bias === true && { 'linear.bias': [rows] }),
    };
    const tensors = randomTensors(shapes, weights.length + 7);
    await writeSafetensors(path.join(folder, place, 'model.safetensors'), tensors);
    weights.push(tensors);
  }
  return { folder, weights };
}

for (const name of POOLING_MODES)
  t.test(`pooling by ${name}`, async t => {
    const { folder } = await writeSentenceModel(t, [TRANSFORMER, pooling(mode(name))]);
    const encoder = await openEncoder(t, folder);
    t.equal(encoder.width, HIDDEN);
    await checkEncoder(t, encoder, input => [pooled(hiddenStates(CONFIG, TENSORS, input), name)]);
  });

t.test('several modes side by side, in their order', async t => {
  const fields = { ...mode('lasttoken'), ...mode('max'), ...mode('cls'), pooling_mode_mean_tokens: true };
  const { folder } = await writeSentenceModel(t, [TRANSFORMER, pooling(fields)]);
  const encoder = await openEncoder(t, folder);
  t.equal(encoder.width, 4 * HIDDEN);
  await checkEncoder(t, encoder, input => {
    const states = hiddenStates(CONFIG, TENSORS, input);
    return [['cls', 'max', 'mean', 'lasttoken'].flatMap(name => pooled(states, name))];
  });
});

t.test('dense layers with and without bias, and normalisation', async t => {
  const modules = [
    TRANSFORMER,
    pooling(mode('mean')),
    dense('2_Dense', HIDDEN, 16, 'activation.Tanh'),
    dense('3_Dense', 16, 10, 'activation.GELU', false),
    dense('4_Dense', 10, 6, 'linear.Identity'),
    NORMALIZE,
  ];
  const { folder, weights } = await writeSentenceModel(t, modules);
  const encoder = await openEncoder(t, folder);
  t.equal(encoder.width, 6);
  const layer = (index: number, x: Vector): number[] =>
    linear(x, weights[index]!['linear.weight']!, weights[index]!['linear.bias']);
  await checkEncoder(t, encoder, input => {
    const first = layer(0, pooled(hiddenStates(CONFIG, TENSORS, input), 'mean')).map(Math.tanh);
    const second = layer(1, first).map(x => (x * (1 + erf(x / Math.SQRT2))) / 2);
    return [normalized(layer(2, second))];
  });
});

t.test('an encoder in a folder of its own, with a shorter context', async t => {
  const modules = [{ ...TRANSFORMER, path: '0_Transformer' }, pooling(mode('mean')), NORMALIZE];
  const { folder } = await writeSentenceModel(t, modules);
  const file = path.join(folder, '0_Transformer', 'sentence_bert_config.json');
  await writeFile(file, JSON.stringify({ max_seq_length: 31, do_lower_case: false }));
  const encoder = await openEncoder(t, folder);
  t.equal(encoder.contextLength, 31);
  await checkEncoder(t, encoder, input => [normalized(pooled(hiddenStates(CONFIG, TENSORS, input), 'mean'))]);
});

t.test('a folder is built again when its pooling changes', async t => {
  const { folder } = await writeSentenceModel(t, [TRANSFORMER, pooling(mode('mean'))]);
  await openEncoder(t, folder);
  await writeModules(folder, [TRANSFORMER, pooling(mode('max'))]);
  const encoder = await openEncoder(t, folder);
  await checkEncoder(t, encoder, input => [pooled(hiddenStates(CONFIG, TENSORS, input), 'max')]);
});

t.test('the mode as a word, and the newer names of classes', async t => {
  const folder = t.testdir();
  await writeModules(folder, [
    { type: 'sentence_transformers.base.modules.transformer.Transformer', path: '' },
    {
      ...pooling({ pooling_mode: 'cls' }),
      type: 'sentence_transformers.sentence_transformer.modules.Pooling',
    },
    { type: 'sentence_transformers.models.Dropout', path: '2_Dropout' },
  ]);
  t.match(await readSentenceModules(folder), { task: 'embedding', pooling: ['cls'], layers: [] });
});

t.test('what cannot be served is refused by name', async t => {
  const cases: [ModuleEntry[], string, RegExp][] = [
    [[], 'unsupported_model', /no modules/],
    [[TRANSFORMER], 'unsupported_model', /no Pooling behind/],
    [[TRANSFORMER, NORMALIZE], 'unsupported_model', /type Normalize behind the Transformer/],
    ...['models.WordEmbeddings', 'models.BoW', 'models.CLIPModel', 'base.modules.Router'].map(
      (type): [ModuleEntry[], string, RegExp] => [
        [{ type: `sentence_transformers.${type}`, path: '' }, pooling({})],
        'unsupported_model',
        new RegExp(`first module is of type ${type.split('.').at(-1)}`),
      ],
    ),
    ...['LSTM', 'CNN', 'WordWeights', 'WeightedLayerPooling', 'custom.Whitening'].map(
      (type): [ModuleEntry[], string, RegExp] => [
        [TRANSFORMER, pooling({}), { type: `x.${type}`, path: '2' }],
        'unsupported_model',
        new RegExp(`type ${type.split('.').at(-1)} behind the Pooling`),
      ],
    ),
    [[TRANSFORMER, { type: 'x.SpladePooling', path: '1' }], 'unsupported_model', /SpladePooling/],
    [[TRANSFORMER, { type: 'x.LogitScore', path: '1' }], 'unsupported_model', /LogitScore/],
    [[TRANSFORMER, pooling({ pooling_mode: 'median' })], 'unsupported_model', /median/],
    [[TRANSFORMER, pooling({ pooling_mode: ['mean', 'median'] })], 'unsupported_model', /median/],
    [[TRANSFORMER, pooling({ pooling_mode: [] })], 'invalid_model', /pooling_mode is empty/],
    [[TRANSFORMER, pooling({ pooling_mode: 3 })], 'invalid_model', /pooling_mode is 3/],
    [
      [TRANSFORMER, pooling({ include_prompt: false, pooling_mode: 'max' })],
      'unsupported_model',
      /include_prompt is false/,
    ],
    [[TRANSFORMER, pooling({}), dense('2', 24, 2, 'activation.Hardtanh')], 'unsupported_model', /Hardtanh/],
    ...(
      [
        [{ activation_function: 'mine.Tanh' }, /mine\.Tanh/],
        [{ use_residual: true }, /use_residual/],
        [{ module_input_name: 'token_embeddings' }, /module_input_name is 'token_embeddings'/],
        [{ module_output_name: 'scores' }, /module_output_name is 'scores'/],
      ] as const
    ).map(([fields, message]): [ModuleEntry[], string, RegExp] => {
      const { config, ...module } = dense('2', 24, 2, 'activation.Tanh');
      return [
        [TRANSFORMER, pooling({}), { ...module, config: { ...config, ...fields } }],
        'unsupported_model',
        message,
      ];
    }),
    [[TRANSFORMER, { ...pooling({}), path: '../elsewhere' }], 'invalid_model', /elsewhere/],
  ];
  for (const [i, [modules, code, message]] of cases.entries()) {
    const folder = path.join(t.testdirName, `${i}`);
    await writeModules(folder, modules);
    await t.rejects(readSentenceModules(folder), { code, message });
  }
  const broken = path.join(t.testdirName, 'broken');
  await mkdir(broken, { recursive: true });
  for (const content of ['{', '{}', '[3]', 'null']) {
    await writeFile(path.join(broken, 'modules.json'), content);
    await t.rejects(readSentenceModules(broken), { code: 'invalid_model' });
  }
});

t.test('pooling as flags: what is left out is off, and the mean where none is on', async t => {
  const read = async (i: number, fields: Record<string, unknown>): Promise<readonly string[]> => {
    const folder = path.join(t.testdirName, `flags-${i}`);
    await writeModules(folder, [TRANSFORMER, pooling(fields)]);
    return (await readSentenceModules(folder)).pooling;
  };
  t.strictSame(await read(0, { pooling_mode_cls_token: true }), ['cls']);
  t.strictSame(await read(1, { pooling_mode_mean_tokens: false }), ['mean']);
  t.strictSame(await read(2, {}), ['mean']);
  t.strictSame(await read(3, { pooling_mode: ['max', 'cls'], pooling_mode_mean_tokens: true }), [
    'max',
    'cls',
  ]);
});

t.test('the longest text, wherever it stands', async t => {
  const read = async (i: number, files: Record<string, object>): Promise<unknown> => {
    const folder = path.join(t.testdirName, `length-${i}`);
    await rm(folder, { recursive: true, force: true });
    await writeModules(folder, [TRANSFORMER, pooling({})]);
    for (const [name, fields] of Object.entries(files))
      await writeFile(path.join(folder, name), JSON.stringify(fields));
    return (await readSentenceModules(folder)).contextLength;
  };
  const tokenizer = { 'tokenizer_config.json': { model_max_length: 20 } };
  t.equal(await read(0, {}), undefined);
  t.equal(await read(1, tokenizer), 20);
  t.equal(await read(2, { 'tokenizer_config.json': { max_len: 21 } }), 21);
  t.equal(await read(3, { 'tokenizer_config.json': { model_max_length: 1e30 } }), undefined);
  for (const [i, name] of [
    'sentence_bert_config.json',
    'sentence_roberta_config.json',
    'sentence_distilbert_config.json',
    'sentence_camembert_config.json',
    'sentence_albert_config.json',
    'sentence_xlm-roberta_config.json',
    'sentence_xlnet_config.json',
  ].entries())
    t.equal(await read(4 + i, { ...tokenizer, [name]: { max_seq_length: 30 } }), 30, name);
  const settings = (fields: object) => ({ ...tokenizer, 'sentence_bert_config.json': fields });
  t.equal(await read(11, settings({ max_seq_length: null })), 20);
  t.equal(await read(12, settings({ tokenizer_args: { model_max_length: 7 } })), 7);
  t.equal(await read(13, settings({ processing_kwargs: { text: { max_length: 6 } } })), 6);
});

t.test('settings of the Transformer that change tokens or numbers are refused', async t => {
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ transformer_task: 'fill-mask' }, /no SpladePooling alone behind a head for masked tokens/],
    [{ transformer_task: 'retrieval' }, /transformer_task is 'retrieval'/],
    [{ modality_config: { image: {} } }, /takes no plain texts/],
    [{ modality_config: { text: { method: 'get_text_features' } } }, /get_text_features/],
    [{ modality_config: { text: { method_output_name: 'pooler_output' } } }, /pooler_output/],
    [{ config_args: { use_memory_efficient_attention: false } }, /use_memory_efficient_attention/],
    [{ model_args: { rotary_scaling_factor: 2 } }, /rotary_scaling_factor/],
    [{ processor_kwargs: { truncation_side: 'left' } }, /truncation_side/],
    [{ processing_kwargs: { text: { add_special_tokens: false } } }, /add_special_tokens/],
    [{ query_length: 32 }, /query_length/],
  ];
  const folder = t.testdir();
  await writeModules(folder, [TRANSFORMER, pooling({})]);
  const write = (fields: object) =>
    writeFile(path.join(folder, 'sentence_bert_config.json'), JSON.stringify(fields));
  for (const [fields, message] of cases) {
    await write(fields);
    await t.rejects(readSentenceModules(folder), { code: 'unsupported_model', message });
  }
  await write({
    transformer_task: 'feature-extraction',
    modality_config: { text: { method: 'forward', method_output_name: 'last_hidden_state' } },
    module_output_name: 'token_embeddings',
    model_args: { add_pooling_layer: false, trust_remote_code: true },
    processing_kwargs: { common: {}, text: { padding: true } },
    unpad_inputs: true,
  });
  t.match(await readSentenceModules(folder), { task: 'embedding', pooling: ['mean'] });
});

t.test('a classifier of pairs is a Transformer alone', async t => {
  const folder = t.testdir();
  await writeModules(folder, [TRANSFORMER]);
  const file = path.join(folder, 'sentence_bert_config.json');
  await writeFile(file, JSON.stringify({ transformer_task: 'sequence-classification', max_seq_length: 9 }));
  t.match(await readSentenceModules(folder), { task: 'sequence-classification', contextLength: 9 });
  await writeModules(folder, [TRANSFORMER, pooling({})]);
  await t.rejects(readSentenceModules(folder), {
    code: 'unsupported_model',
    message: /Pooling behind a classifier/,
  });
});

t.test('dense layers that do not fit together', async t => {
  const modules = [TRANSFORMER, pooling({}), dense('2_Dense', 5, 3, 'activation.Tanh')];
  const { folder } = await writeSentenceModel(t, modules);
  await t.rejects(openEncoder(t, folder), { code: 'invalid_model', message: /2_Dense takes vectors of 5/ });
});
