import { readdir } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { buildDecoder } from '#graph/build.js';
import { longestContext, readRope } from '#graph/assembly/rope.js';
import { ModelConfig } from '#graph/config.js';
import { layersOf } from '#model/cache/layer-cache.js';
import { SlotDecoder } from '#model/decoder/slots/slot-decoder.js';
import { Environment, Session } from '#runtime/index.js';
import { relativeError, writeModel } from '#test/support/check-decoder.js';
import { PHI3_LONG, PHI3_SHORT } from '#test/support/models/phi3.js';
import { randomIds } from '#test/support/random-tensors.js';
import { prefill } from '#test/support/run-decoder.js';

const SIZES = {
  layers: 1,
  hiddenSize: 64,
  heads: 4,
  kvHeads: 4,
  headSize: 16,
  vocabularySize: 10,
  contextLength: 100,
};

/** Reads positions from the fields of a config.json. */
function read(fields: Record<string, unknown>) {
  return readRope(new ModelConfig('config.json', { max_position_embeddings: 100, ...fields }), SIZES);
}

t.test('the served context decides between the frequencies of LongRoPE', async t => {
  const folder = t.testdir();
  await writeModel(folder, PHI3_LONG);
  const environment = new Environment({ logLevel: 'fatal' });
  const ids = randomIds(20, 61, 1);
  for (const [contextLength, { reference }] of [
    [20, PHI3_LONG],
    [9, PHI3_LONG],
    [8, PHI3_SHORT],
    [3, PHI3_SHORT],
  ] as const) {
    const { graphPath, sizes } = await buildDecoder(folder, { contextLength });
    const session = await Session.load(environment, graphPath, { intraOpThreads: 1 });
    const layers = layersOf(sizes);
    const decoder = new SlotDecoder(session, { ...sizes, layers, contextLength }, 1);
    const prompt = ids.slice(0, contextLength);
    const error = relativeError(await prefill(decoder, 0, prompt, 0, 'all'), reference(prompt));
    t.ok(error < 1e-4, `a context of ${contextLength}: relative error ${error.toExponential(1)}`);
    decoder.dispose();
  }
  t.equal((await readdir(path.join(folder, '.kvasir'))).length, 2, 'one build for each set');
});

t.test('old and new names of fields mean the same', async t => {
  const scaling = {
    factor: 4,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 50,
  };
  const old = read({ rope_theta: 500, rope_scaling: { type: 'llama3', ...scaling } });
  t.strictSame(read({ rope_parameters: { rope_type: 'llama3', rope_theta: 500, ...scaling } }), old);
  t.strictSame(read({ rope_theta: 10_000 }), read({}), 'the default theta');
});

t.test('YaRN: magnitudes that config.json gives, or that follow from two factors', async t => {
  const yarn = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 25 };
  const magnitude = (fields: object): number => read({ rope_scaling: { ...yarn, ...fields } }).magnitude;
  t.equal(magnitude({ attention_factor: 1.5 }), 1.5);
  t.equal(magnitude({}), 0.1 * Math.log(4) + 1);
  t.equal(magnitude({ mscale: 2, mscale_all_dim: 1 }), (0.2 * Math.log(4) + 1) / (0.1 * Math.log(4) + 1));
});

const faults: [string, Record<string, unknown>, string, RegExp][] = [
  [
    'an unknown way to scale',
    { rope_scaling: { type: 'cubic' } },
    'unsupported_model',
    /type is 'cubic'.*yarn/,
  ],
  ['no factor', { rope_scaling: { type: 'linear' } }, 'invalid_model', /rope_scaling: factor is missing/],
  [
    'too few factors',
    {
      rope_scaling: { type: 'longrope', short_factor: [1, 2], long_factor: [1, 2], factor: 2 },
      original_max_position_embeddings: 50,
    },
    'invalid_model',
    /long_factor has 2 factors for 8 frequencies/,
  ],
  ['an odd number of turned features', { partial_rotary_factor: 0.2 }, 'invalid_model', /3 features/],
];

for (const [name, fields, code, message] of faults)
  t.test(`${name} is refused`, async t => {
    t.throws(() => read(fields), { code, message });
  });

t.test('fields that are not read are named, and whom that follows', async t => {
  const warnings = (rope_scaling: object, model_type = 'llama'): readonly string[] => {
    const config = new ModelConfig('config.json', { model_type, max_position_embeddings: 100, rope_scaling });
    readRope(config, SIZES);
    return config.warnings;
  };
  const yarn = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 25 };
  const neutral = { attn_factor: 1, extrapolation_factor: 1, apply_yarn_scaling: true, finetuned: true };
  t.strictSame(warnings({ ...yarn, ...neutral, beta_fast: 16, truncate: false, mscale: 1 }), []);
  t.match(warnings({ ...yarn, attn_factor: 0.5 }), [
    /rope_scaling: attn_factor is not read, .* vLLM reads it/,
  ]);
  t.match(warnings({ ...yarn, odd: 2 }), [
    /odd is not read, nor does transformers read it \(rope_type yarn\)/,
  ]);
  const growing = { ...yarn, llama_4_scaling_beta: 0.1 };
  t.match(warnings(growing), [/llama_4_scaling_beta is not read/]);
  t.strictSame(warnings(growing, 'ministral3'), []);
  t.match(warnings({ ...yarn, attention_factor: 1.5 }), [
    /attention_factor is 1.5, as transformers reads it; vLLM/,
  ]);
  t.strictSame(warnings({ ...yarn, attention_factor: 0.1 * Math.log(4) + 1 }), []);
  t.match(warnings({ rope_type: 'dynamic', factor: 2 }), [/dynamic scaling is as in transformers/]);
  t.match(warnings({ rope_type: 'linear', factor: 2, low_freq_factor: 1 }), [/low_freq_factor/]);
  t.match(warnings({ type: 'default', mrope_section: [2, 3, 3] }), [/mrope_section/]);
});

t.test("YaRN's zeros are absent fields, and the original context beside the section wins", async t => {
  const yarn = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 25 };
  const zeros = { beta_fast: 0, beta_slow: 0, mscale: 0, mscale_all_dim: 1 };
  t.strictSame(read({ rope_scaling: { ...yarn, ...zeros } }), read({ rope_scaling: yarn }));
  t.strictSame(
    read({ rope_scaling: yarn, original_max_position_embeddings: 50 }),
    read({ rope_scaling: { ...yarn, original_max_position_embeddings: 50 } }),
  );
});

t.test('YaRN is served as far as it stretches the original context', async t => {
  const longest = (fields: object): number =>
    longestContext(new ModelConfig('config.json', { max_position_embeddings: 64, ...fields }));
  const yarn = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 64 };
  t.equal(longest({ rope_scaling: yarn }), 256);
  t.equal(longest({ rope_parameters: yarn, max_position_embeddings: 512 }), 512);
  t.equal(longest({ rope_parameters: { full_attention: yarn } }), 256);
  t.equal(longest({ rope_scaling: { rope_type: 'yarn', original_max_position_embeddings: 16 } }), 64);
  for (const rope_type of ['linear', 'dynamic', 'llama3'])
    t.equal(longest({ rope_scaling: { ...yarn, rope_type } }), 64, rope_type);
  t.equal(longest({}), 64);
});
