/**
 * Text parts of models of pictures and texts, in the layouts that transformers saves and that are published: see
 * `test/fixtures/make_text_parts.py`. Each has the weights of a fixture of its family, and must give its logits.
 */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { checkDecoder } from '#graph/build.js';
import { ModelConfig } from '#graph/config.js';
import { decoderArchitecture } from '#graph/families/index.js';
import { textPart } from '#graph/families/text-part.js';
import { leftoverWarnings } from '#graph/weights/leftovers.js';
import { SafetensorsFile } from '#graph/weights/safetensors.js';
import { openDecoder, writeModel, type TinyModel } from '#test/support/check-decoder.js';
import { DECODER_FIXTURES, fixtureFloats, readFixture } from '#test/support/decoder-fixtures.js';
import { prefill } from '#test/support/run-decoder.js';
import type { TestTensor } from '#test/support/safetensors.js';

const FOLDER = path.join(DECODER_FIXTURES, '../text-parts');

interface Whole {
  /** Whose weights the text part has. */
  readonly fixture: string;
  /** What the fixture's logits are times those of the whole; absent: the same. */
  readonly factor?: number;
  readonly config: Readonly<Record<string, unknown>>;
  /** By the name that is stored: which tensor of the fixture, or the shape where it is of another part. */
  readonly tensors: Readonly<Record<string, string | readonly number[]>>;
}

async function readWhole(name: string): Promise<Whole> {
  return JSON.parse(await readFile(path.join(FOLDER, `${name}.json`), 'utf8')) as Whole;
}

async function weightsOf(fixture: string): Promise<Record<string, TestTensor>> {
  const file = await SafetensorsFile.open(path.join(DECODER_FIXTURES, fixture, 'model.safetensors'));
  const tensors: Record<string, TestTensor> = {};
  for (const [tensor, { shape }] of file.tensors)
    tensors[tensor] = { shape, values: [...(await file.read(tensor))] };
  await file.close();
  return tensors;
}

function tinyModel(
  { config, tensors }: Whole,
  weights: Readonly<Record<string, TestTensor>>,
  rename = (name: string): string => name,
): TinyModel {
  const stored = Object.entries(tensors).map(([name, of]) => {
    const tensor =
      typeof of === 'string'
        ? weights[of]!
        : { shape: of, values: new Array<number>(of.reduce((a, b) => a * b, 1)).fill(0) };
    return [rename(name), tensor] as const;
  });
  return { config, tensors: Object.fromEntries(stored) };
}

/** Gives the logits of the fixture, and says in one line what it does not read. */
async function agrees(t: Test, model: TinyModel, { fixture, factor = 1 }: Whole): Promise<void> {
  const { ids, logits } = await readFixture<{ ids: number[]; logits: string }>(fixture, 'expected.json');
  const wanted = fixtureFloats(logits).map(value => value / factor);
  const actual = await prefill(await openDecoder(t, model), 0, ids, 0, 'all');
  const most = wanted.reduce((max, value, i) => Math.max(max, Math.abs(value - actual[i]!)), 0);
  t.equal(actual.length, wanted.length);
  t.ok(most < 1e-3, `logits differ by ${most}`);
  const folder = t.testdir();
  await writeModel(folder, model);
  const warnings = leftoverWarnings(await checkDecoder(folder));
  const ofTensors = /^texts only are served: the \d+ tensors of .+ are not read, and pictures are not seen$/;
  const ofFactor = /logit(s_scaling|_scale) is left out, as in transformers/;
  t.equal(warnings.length, factor === 1 ? 1 : 2, warnings.join('; '));
  t.ok(warnings.some(warning => ofTensors.test(warning)));
  t.equal(
    warnings.some(warning => ofFactor.test(warning)),
    factor !== 1,
  );
}

const names = (await readdir(FOLDER)).map(file => path.basename(file, '.json'));

for (const name of names)
  t.test(`the text part of a ${name}`, async t => {
    const whole = await readWhole(name);
    const model = tinyModel(whole, await weightsOf(whole.fixture));
    await t.test('as transformers saves it', t => agrees(t, model, whole));
    const body = Object.keys(model.tensors)
      .find(stored => stored.endsWith('embed_tokens.weight'))!
      .replace('embed_tokens.weight', '');
    for (const [order, to, head] of [
      ['older', 'language_model.model.', 'language_model.lm_head.'],
      ['newer', 'model.language_model.', 'lm_head.'],
    ] as const) {
      if (body === to) continue;
      const rename = (stored: string): string =>
        stored.startsWith(body)
          ? to + stored.slice(body.length)
          : stored.replace(/^(language_model\.)?lm_head\./, head);
      const renamed = tinyModel(whole, await weightsOf(whole.fixture), rename);
      await t.test(`with the ${order} names of weights`, t => agrees(t, renamed, whole));
    }
  });

const QWEN2_VL = {
  model_type: 'qwen2_vl',
  hidden_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vision_config: { depth: 1 },
  vision_start_token_id: 3,
  tie_word_embeddings: true,
  rope_scaling: { type: 'mrope', mrope_section: [2, 1, 1] },
};

t.test('fields of the text part beside those of the whole, in older files', async t => {
  const part = textPart(new ModelConfig('config.json', QWEN2_VL))!;
  t.equal(part.modelType, 'qwen2');
  t.same(part.value('rope_scaling'), { type: 'default', rope_type: 'default' });
  t.notOk(part.has('vision_config') || part.has('vision_start_token_id'));
  t.equal(part.flag('tie_word_embeddings'), true);
  t.equal(decoderArchitecture(new ModelConfig('config.json', QWEN2_VL)).sizes(part).hiddenSize, 32);
});

t.test('what a file leaves out is of the class of its text part', async t => {
  const published = {
    model_type: 'gemma3',
    text_config: {
      model_type: 'gemma3_text',
      hidden_size: 2560,
      num_hidden_layers: 34,
      rope_scaling: { factor: 8, rope_type: 'linear' },
      sliding_window: 1024,
    },
    vision_config: {},
  };
  const config = new ModelConfig('config.json', published);
  const sizes = decoderArchitecture(config).sizes(config);
  t.match(sizes, { heads: 8, kvHeads: 4, headSize: 256, vocabularySize: 262_208, contextLength: 131_072 });
  t.equal(sizes.windows?.filter(window => window === 1024).length, 29);
  t.equal(textPart(new ModelConfig('config.json', { model_type: 'llava' }))!.size('hidden_size'), 4096);
});

t.test('text parts of no family that can be one', async t => {
  for (const type of ['granitemoe', 'cohere', 'qwen3_5_text'])
    t.throws(
      () =>
        decoderArchitecture(
          new ModelConfig('config.json', { model_type: 'llava', text_config: { model_type: type } }),
        ),
      {
        code: 'unsupported_model',
        message: new RegExp(`the text part of a llava is a ${type}; known: llama`),
      },
    );
  t.throws(() => decoderArchitecture(new ModelConfig('config.json', { model_type: 'mllama' })), {
    message: /model_type 'mllama' is not supported.* gemma3, /,
  });
});
