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
  t.match(await readSentenceModules(folder), { pooling: ['cls'], dense: [], normalize: false });
});

t.test('what cannot be served is refused by name', async t => {
  const cases: [ModuleEntry[], string, RegExp][] = [
    [[TRANSFORMER], 'unsupported_model', /first two modules/],
    [[TRANSFORMER, NORMALIZE], 'unsupported_model', /first two modules/],
    [[TRANSFORMER, pooling({}), { type: 'x.LSTM', path: '2' }], 'unsupported_model', /LSTM/],
    [
      [TRANSFORMER, pooling({}), NORMALIZE, dense('2', 24, 2, 'activation.Tanh')],
      'unsupported_model',
      /behind the Normalize/,
    ],
    [[TRANSFORMER, pooling({ pooling_mode_mean_tokens: false })], 'invalid_model', /no pooling mode/],
    [[TRANSFORMER, pooling({ pooling_mode: 'median' })], 'unsupported_model', /median/],
    [[TRANSFORMER, pooling({ include_prompt: false })], 'unsupported_model', /include_prompt is false/],
    [[TRANSFORMER, pooling({}), dense('2', 24, 2, 'activation.Hardtanh')], 'unsupported_model', /Hardtanh/],
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

t.test('texts that are to be lowered are left to the tokenizer, or refused', async t => {
  const folder = t.testdir();
  await writeModules(folder, [TRANSFORMER, pooling({ include_prompt: true })]);
  await writeFile(
    path.join(folder, 'sentence_bert_config.json'),
    JSON.stringify({ max_seq_length: 31, do_lower_case: true }),
  );
  const normalizedBy = async (normalizer: unknown): Promise<unknown> => {
    await writeFile(path.join(folder, 'tokenizer.json'), JSON.stringify({ normalizer }));
    return readSentenceModules(folder);
  };
  const lowering = [
    { type: 'Lowercase' },
    { type: 'BertNormalizer', lowercase: true },
    { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'Lowercase' }] },
  ];
  for (const normalizer of lowering) t.match(await normalizedBy(normalizer), { contextLength: 31 });
  const others = [null, { type: 'NFC' }, { type: 'BertNormalizer', lowercase: false }];
  for (const normalizer of others)
    await t.rejects(normalizedBy(normalizer), {
      code: 'unsupported_model',
      message: /do_lower_case is true/,
    });
  await rm(path.join(folder, 'tokenizer.json'));
  t.match(await readSentenceModules(folder), { contextLength: 31 }, 'for another to miss');
  await writeFile(path.join(folder, 'sentencepiece.bpe.model'), '');
  await t.rejects(readSentenceModules(folder), { code: 'unsupported_model' });
});

t.test('dense layers that do not fit together', async t => {
  const modules = [TRANSFORMER, pooling({}), dense('2_Dense', 5, 3, 'activation.Tanh')];
  const { folder } = await writeSentenceModel(t, modules);
  await t.rejects(openEncoder(t, folder), { code: 'invalid_model', message: /2_Dense takes vectors of 5/ });
});
