import { readdir } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { buildSeq2Seq, checkSeq2Seq } from '#graph/build-seq2seq.js';
import type { SaveProgress } from '#graph/onnx/graph-builder.js';
import { readOnnxFile } from '#model/onnx-file.js';
import { copySeq2SeqFixture, type FixtureChanges } from '#test/support/changed-seq2seq.js';
import { encode, openSeq2Seq } from '#test/support/check-seq2seq.js';
import { prefill } from '#test/support/run-decoder.js';
import type { TestTensors } from '#test/support/safetensors.js';
import { readSeq2SeqFixture } from '#test/support/seq2seq-fixtures.js';

t.test('a build has two graphs, which share the embeddings', async t => {
  const folder = await copySeq2SeqFixture(t, 'bart');
  const told: SaveProgress[] = [];
  const built = await buildSeq2Seq(folder, { onProgress: progress => told.push(progress) });
  t.match(built, {
    cacheHeadSize: 16,
    cacheType: 'float32',
    sizes: {
      encoderLayers: 1,
      decoderLayers: 2,
      hiddenSize: 24,
      heads: 2,
      headSize: 12,
      vocabularySize: 43,
      sourceVocabularySize: 43,
      sourceLength: 24,
      contextLength: 24,
    },
  });
  t.strictSame((await readdir(path.dirname(built.decoderPath))).sort(), [
    'decoder.onnx',
    'decoder.onnx.data',
    'encoder.onnx',
    'encoder.onnx.data',
    'manifest.json',
  ]);
  const place = async (file: string) =>
    (await readOnnxFile(file)).weights.find(({ name }) => name === 'embedding.weight')!.external;
  t.strictSame(await place(built.encoderPath), await place(built.decoderPath));
  const { bytes, tensors, allBytes, allTensors } = told.at(-1)!;
  t.strictSame([bytes, tensors], [allBytes, allTensors]);
  told.forEach((progress, i) => {
    t.ok(progress.bytes >= (told[i - 1]?.bytes ?? 0) && progress.allBytes === allBytes, 'one bar that rises');
  });
  told.length = 0;
  t.strictSame(await buildSeq2Seq(folder, { onProgress: progress => told.push(progress) }), built);
  t.strictSame(told, [], 'built once');
});

t.test('T5 reaches as far as asked for', async t => {
  const folder = await copySeq2SeqFixture(t, 't5', { fields: { n_positions: undefined } });
  const reach = async (contextLength?: number) => {
    const { sourceLength, contextLength: reached } = (await buildSeq2Seq(folder, { contextLength })).sizes;
    return [sourceLength, reached];
  };
  t.strictSame(await reach(), [512, 512]);
  t.strictSame(await reach(3000), [3000, 3000]);
});

/** Logits of a fixture's first run, from a folder with changes. */
async function logits(t: Test, name: string, changes: FixtureChanges = {}): Promise<Float32Array> {
  const decoder = await openSeq2Seq(t, await copySeq2SeqFixture(t, name, changes));
  const [run] = (await readSeq2SeqFixture(name)).runs;
  await encode(decoder, [{ slot: 0, ids: run!.source }]);
  return prefill(decoder, 0, run!.target, 0, 'all');
}

function renamed(tensors: TestTensors, names: Readonly<Record<string, readonly string[]>>): TestTensors {
  return Object.fromEntries(
    Object.entries(tensors).flatMap(([name, tensor]) =>
      (names[name] ?? [name]).map(other => [other, tensor]),
    ),
  );
}

const SHARED = 'model.shared.weight';
const [ENCODER, DECODER] = ['model.encoder.embed_tokens.weight', 'model.decoder.embed_tokens.weight'];

for (const names of [
  [ENCODER, DECODER],
  [ENCODER],
  [DECODER],
  ['lm_head.weight'],
  ['lm_head.weight', SHARED, ENCODER, DECODER],
])
  t.test(`embeddings that are stored as ${names.join(', ')}`, async t => {
    const tensors = (stored: TestTensors) => renamed(stored, { [SHARED]: names });
    t.strictSame(await logits(t, 'bart', { tensors }), await logits(t, 'bart'));
  });

t.test('embeddings of a decoder of its own vocabulary that are stored as its head', async t => {
  const tensors = (stored: TestTensors) => renamed(stored, { [DECODER]: ['lm_head.weight'] });
  t.strictSame(await logits(t, 'marian-separate', { tensors }), await logits(t, 'marian-separate'));
  const folder = await copySeq2SeqFixture(t, 'marian-separate', {
    tensors: stored => renamed(stored, { [ENCODER]: [SHARED] }),
  });
  await t.rejects(checkSeq2Seq(folder), { code: 'invalid_model', message: ENCODER });
});

t.test('a checkpoint of the body alone', async t => {
  const tensors = (stored: TestTensors) =>
    Object.fromEntries(
      Object.entries(stored).map(([name, tensor]) => [name.replace(/^model\./, ''), tensor]),
    );
  t.strictSame(await logits(t, 'bart', { tensors }), await logits(t, 'bart'));
});

t.test(
  'sinusoids that a checkpoint has are the same as computed ones, and count where they are not',
  async t => {
    const plain = await logits(t, 'marian');
    const tables = (change: number) => (stored: TestTensors) => {
      const [rows, width] = [24, 24];
      const values = Array.from({ length: rows * width }, (_, i) => {
        const [position, feature] = [Math.floor(i / width), i % width];
        const pair = feature % (width / 2);
        const angle = position / 10_000 ** ((2 * pair) / width);
        return Math.fround((feature === pair ? Math.sin(angle) : Math.cos(angle)) + change);
      });
      const table = { shape: [rows, width], values };
      return {
        ...stored,
        'model.encoder.embed_positions.weight': table,
        'model.decoder.embed_positions.weight': table,
      };
    };
    t.strictSame(await logits(t, 'marian', { tensors: tables(0) }), plain);
    t.notSame(await logits(t, 'marian', { tensors: tables(0.5) }), plain);
  },
);

t.test('T5 divides logits by the root of the hidden size where the file says so', async t => {
  const scaled = await logits(t, 't5', { fields: { scale_decoder_outputs: undefined } });
  for (const fields of [
    { scale_decoder_outputs: false },
    { scale_decoder_outputs: undefined, tie_word_embeddings: false },
  ]) {
    const plain = await logits(t, 't5', { fields });
    const off = plain.map((value, i) => Math.abs(value / Math.sqrt(24) - scaled[i]!));
    t.ok(Math.max(...off) < 1e-4, JSON.stringify(fields));
  }
});

t.test('sizes by the names that all families have', async t => {
  const fields = { d_model: undefined, hidden_size: 24, encoder_layers: undefined, num_hidden_layers: 1 };
  t.strictSame(await logits(t, 'bart', { fields }), await logits(t, 'bart'));
});

const faults: [string, string, Record<string, unknown>, string, RegExp][] = [
  ['a decoder alone', 'bart', { is_encoder_decoder: false }, 'unsupported_model', /is_encoder_decoder/],
  [
    'a classifier',
    'bart',
    { architectures: ['BartForSequenceClassification'] },
    'unsupported_model',
    /BartForSequenceClassification/,
  ],
  ['an encoder alone', 't5', { architectures: ['T5EncoderModel'] }, 'unsupported_model', /T5EncoderModel/],
  ['another activation', 'bart', { activation_function: 'mish' }, 'unsupported_model', /'mish'/],
  ['heads that do not divide', 'bart', { decoder_attention_heads: 5 }, 'invalid_model', /24 .*5 attention/],
  [
    'a size by two names',
    'bart',
    { num_attention_heads: 4 },
    'unsupported_model',
    /encoder_attention_heads is 3, but num_attention_heads.* is 4/,
  ],
  ['more layers than weights', 'bart', { decoder_layers: 3 }, 'invalid_model', /decoder\.layers\.2\./],
  ['more positions than weights', 'bart', { max_position_embeddings: 30 }, 'invalid_model', /\[32, 24\]/],
  [
    'a feed-forward layer of three words',
    't5',
    { feed_forward_proj: 'gated-gelu-new' },
    'unsupported_model',
    /feed_forward_proj is 'gated-gelu-new'/,
  ],
  [
    'buckets for further distances than there are',
    't5',
    { relative_attention_max_distance: 16 },
    'unsupported_model',
    /relative_attention_max_distance of 16/,
  ],
  ['an unknown kin', 't5', { model_type: 'longt5' }, 'unsupported_model', /'longt5' is not supported/],
];

for (const [name, fixture, fields, code, message] of faults)
  t.test(`${name}: refused by name`, async t => {
    const folder = await copySeq2SeqFixture(t, fixture, { fields });
    await t.rejects(checkSeq2Seq(folder), { code, message });
  });

t.test('what a build does not do is refused', async t => {
  const folder = await copySeq2SeqFixture(t, 'bart');
  const refused = { code: 'invalid_configuration', message: /f32, int8, w8a8, int4/ };
  await t.rejects(checkSeq2Seq(folder, { precision: 'f16' }), refused);
  await t.rejects(buildSeq2Seq(folder, { halfFloats: true }), refused);
  await t.rejects(buildSeq2Seq(folder, { cache: 'paged' }), refused);
  await t.resolves(checkSeq2Seq(folder));
});
