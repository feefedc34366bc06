/** Moonshine against transformers and against its formulas; and what its configuration must not ask for. */
import { cp } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { checkSeq2Seq as checkFolder, SEQ2SEQ_PRECISIONS } from '#graph/build-seq2seq.js';
import { ModelConfig } from '#graph/config.js';
import { moonshine } from '#graph/families/moonshine.js';
import { moonshineReference } from '#test/reference/moonshine.js';
import { relativeError, writeModel } from '#test/support/check-decoder.js';
import { checkSeq2Seq, encode, openSeq2Seq } from '#test/support/check-seq2seq.js';
import { MOONSHINES } from '#test/support/models/moonshine.js';
import { MOONSHINE_FOLDER, readMoonshineFixture } from '#test/support/moonshine-fixture.js';
import { decode, prefill } from '#test/support/run-decoder.js';
import { readSafetensors } from '#test/support/safetensors.js';

const { config, runs } = await readMoonshineFixture();

t.test('the formulas agree with transformers', async t => {
  const tensors = await readSafetensors(path.join(MOONSHINE_FOLDER, 'model.safetensors'));
  const reference = moonshineReference(config, tensors);
  for (const { sound, target, states, logits } of runs) {
    const memory = reference.encode([...sound.features]);
    t.ok(relativeError(states, memory) < 5e-5, `states of ${sound.key}`);
    t.ok(relativeError(logits, reference.decode(memory, target)) < 5e-5, `logits of ${sound.key}`);
  }
});

t.test('the graphs agree with transformers', async t => {
  const folder = t.testdir();
  await cp(MOONSHINE_FOLDER, folder, { recursive: true });
  const decoder = await openSeq2Seq(t, folder);
  t.match(decoder.source, { longest: 1248, vocabularySize: 0, sound: { shortest: 1600, longest: 480_000 } });
  t.equal(decoder.shape.contextLength, 390, 'as long as half a minute of speech may be in any language');
  const listen = (): Promise<void> =>
    encode(
      decoder,
      runs.map(({ sound }, slot) => ({ slot, ids: [], sound })),
    );
  await listen();
  for (const [slot, { target, logits }] of runs.entries()) {
    const error = relativeError(await prefill(decoder, slot, target, 0, 'all'), [[...logits]]);
    // As far from transformers as its own rounding is: see the formulas.
    t.ok(error < 5e-5, `logits of slot ${slot}: ${error.toExponential(1)}`);
  }
  const drawn = runs.map(({ text }) => [text[0]!]);
  const longest = Math.max(...runs.map(({ text }) => text.length));
  for (let position = 0; position < longest - 1; position++) {
    const logits = await decode(
      decoder,
      drawn.map(own => own.at(-1)!),
      drawn.map(() => position),
    );
    const width = decoder.shape.vocabularySize;
    drawn.forEach((own, slot) => {
      const values = logits.subarray(slot * width, (slot + 1) * width);
      own.push(values.indexOf(Math.max(...values)));
    });
  }
  runs.forEach(({ text }, slot) => t.strictSame(drawn[slot]!.slice(0, text.length), text, `text ${slot}`));
});

for (const precision of SEQ2SEQ_PRECISIONS.filter(one => one !== 'f32' && one !== 'stored'))
  t.test(`in ${precision}`, async t => {
    const folder = t.testdir();
    await cp(MOONSHINE_FOLDER, folder, { recursive: true });
    const decoder = await openSeq2Seq(t, folder, precision);
    const { sound, target, logits } = runs[2]!;
    await encode(decoder, [{ slot: 0, ids: [], sound }]);
    const found = await prefill(decoder, 0, target, 0, 'all');
    const off = Math.hypot(...found.map((value, i) => value - logits[i]!)) / Math.hypot(...logits);
    const limits = { int8: 0.12, w8a8: 0.25, int4: 0.8 };
    t.ok(off < limits[precision], `${off}`);
    t.ok(off > 1e-4, 'numbers are rounded');
  });

/** Positions of the longest sound that the formulas are asked for. */
const POSITIONS = 40;
const CONTEXT = 22;

for (const model of MOONSHINES)
  t.test(`${model.name}, against its formulas`, async t => {
    const folder = t.testdir();
    await writeModel(folder, model);
    const decoder = await openSeq2Seq(t, folder, 'f32', undefined, CONTEXT);
    await checkSeq2Seq(t, decoder, model.reference, 1e-4, POSITIONS);
  });

t.test('what is not written is refused by its name', async t => {
  const { config } = MOONSHINES[0]!;
  const refused: readonly [string, Readonly<Record<string, unknown>>][] = [
    ['encoder_num_attention_heads', { encoder_num_attention_heads: 4 }],
    ['encoder_num_key_value_heads', { encoder_num_key_value_heads: 1 }],
    ['decoder_num_key_value_heads', { decoder_num_key_value_heads: 1 }],
    ['decoder_num_attention_heads', { num_attention_heads: 4 }],
    ['head_dim', { head_dim: 16 }],
  ];
  for (const [name, changes] of refused)
    t.throws(() => moonshine.sizes(new ModelConfig('config.json', { ...config, ...changes })), {
      code: 'unsupported_model',
      message: new RegExp(name),
    });
  const written: readonly [string, Readonly<Record<string, unknown>>][] = [
    ['rope_type', { rope_parameters: { rope_type: 'linear', factor: 2, rope_theta: 10_000 } }],
    ['rope_type', { rope_scaling: { type: 'dynamic', factor: 2 } }],
    ['hidden_act', { hidden_act: 'relu' }],
    ['decoder_hidden_act', { decoder_hidden_act: 'snake' }],
  ];
  for (const [index, [name, changes]] of written.entries()) {
    const folder = path.join(t.testdir({}), `${index}`);
    await writeModel(folder, { ...MOONSHINES[0]!, config: { ...config, ...changes } });
    await t.rejects(checkFolder(folder), { message: new RegExp(name) });
  }
});
