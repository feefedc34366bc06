import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { DataType } from '#graph/onnx/graph-builder.js';
import type { GraphProto, ValueInfoProto } from '#graph/onnx/onnx_pb.js';
import { planSeq2Seq } from '#model/decoder/seq2seq/seq2seq-plan.js';
import { readModelFolder } from '#model/folder.js';
import { changeGraph, copiedExport } from '#test/support/changed-export.js';
import { readSeq2SeqFixture } from '#test/support/seq2seq-fixtures.js';

async function configure(folder: string, fields: object): Promise<void> {
  const file = path.join(folder, 'config.json');
  const config = JSON.parse(await readFile(file, 'utf8')) as object;
  await writeFile(file, JSON.stringify({ ...config, ...fields }));
}

/** Moves a graph, and gives its name a suffix. */
async function move(folder: string, stem: string, to: string, suffix = ''): Promise<void> {
  await mkdir(path.join(folder, to), { recursive: true });
  await rename(path.join(folder, `${stem}.onnx`), path.join(folder, to, `${stem}${suffix}.onnx`));
}

t.test('what a folder of exports is', async t => {
  const { folder } = await copiedExport(t, 'marian-merged');
  const plan = await planSeq2Seq(folder);
  t.match(plan, {
    source: 'onnx',
    path: {
      kind: 'growing',
      precision: 'f32',
      reason: /^encoder_model\.onnx, decoder_model_merged\.onnx, .*taken since there are no safetensors$/,
    },
    sizes: {
      encoderLayers: 1,
      decoderLayers: 1,
      hiddenSize: 16,
      heads: 2,
      headSize: 8,
      vocabularySize: 43,
      sourceVocabularySize: 43,
      sourceLength: 24,
      contextLength: 24,
    },
  });
  await t.rejects(planSeq2Seq(folder, { precision: 'int8' }), {
    code: 'unsupported_model',
    message: /no ONNX encoder-decoder of precision int8 among .*encoder_model\.onnx/,
  });
});

t.test('the layout of transformers.js: a folder, and suffixes of precisions', async t => {
  const { folder } = await copiedExport(t, 't5-merged');
  await move(folder, 'encoder_model', 'onnx', '_quantized');
  await move(folder, 'decoder_model_merged', 'onnx', '_quantized');
  for (const precision of [undefined, 'int8'] as const) {
    const plan = await planSeq2Seq(folder, { precision });
    t.match(plan.path.reason, /encoder_model_quantized\.onnx, decoder_model_merged_quantized\.onnx/);
  }
  await rename(
    path.join(folder, 'onnx/encoder_model_quantized.onnx'),
    path.join(folder, 'onnx/encoder_model.onnx'),
  );
  await t.rejects(planSeq2Seq(folder, { format: 'onnx' }), {
    code: 'unsupported_model',
    message: /no ONNX encoder-decoder among/,
  });
});

t.test('weights come first, unless ONNX is asked for or they are of an unknown family', async t => {
  const { folder } = await copiedExport(t, 'bart');
  const weights = path.join((await readSeq2SeqFixture('bart')).folder, 'model.safetensors');
  await writeFile(path.join(folder, 'model.safetensors'), await readFile(weights));
  t.equal((await planSeq2Seq(folder)).source, 'weights');
  t.match(await planSeq2Seq(folder, { format: 'onnx' }), {
    source: 'onnx',
    path: { reason: /taken since ONNX was asked for/ },
  });
  await configure(folder, { model_type: 'prophetnet' });
  t.match(await readModelFolder(folder), {
    kind: 'seq2seq',
    source: 'onnx',
    path: { reason: /no graph can be built for the weights \(.*'prophetnet'/ },
    sizes: { encoderLayers: 1, contextLength: 24, sourceLength: 24 },
    leftovers: undefined,
  });
  await t.rejects(planSeq2Seq(folder, { format: 'safetensors' }), { message: /'prophetnet'/ });
});

t.test('a family that is only run ready-made must say how long a text may be', async t => {
  const { folder } = await copiedExport(t, 't5-merged');
  await configure(folder, { model_type: 'longt5', n_positions: undefined });
  await t.rejects(planSeq2Seq(folder), { code: 'invalid_configuration', message: /how long/ });
  t.equal((await planSeq2Seq(folder, { contextLength: 30 })).sizes.contextLength, 30);
});

const ENCODER = 'encoder_model.onnx';
const FIRST = 'decoder_model.onnx';
const NEXT = 'decoder_with_past_model.onnx';

/** An input or output by its name. */
function port(graph: GraphProto, name: string): ValueInfoProto {
  return [...graph.input, ...graph.output].find(value => value.name === name)!;
}

function tensorOf(graph: GraphProto, name: string) {
  const type = port(graph, name).type!.value;
  if (type.case !== 'tensorType') throw new Error(`${name} is no tensor`);
  return type.value;
}

function resize(graph: GraphProto, name: string, axis: number, size: number): void {
  tensorOf(graph, name).shape!.dim[axis]!.value = { case: 'dimValue', value: BigInt(size) };
}

function drop(graph: GraphProto, ...names: readonly string[]): void {
  graph.input = graph.input.filter(({ name }) => !names.includes(name));
  graph.output = graph.output.filter(({ name }) => !names.includes(name));
}

const SIDES = ['key', 'value'];

const BROKEN: readonly [string, string, (graph: GraphProto) => void, RegExp][] = [
  ['no ids', ENCODER, graph => drop(graph, 'input_ids'), /encoder_model\.onnx has no input 'input_ids'/],
  [
    'an input that nobody knows',
    ENCODER,
    graph => (port(graph, 'attention_mask').name = 'inputs_embeds'),
    /not known: 'inputs_embeds'/,
  ],
  [
    'sound in place of a text',
    ENCODER,
    graph => {
      drop(graph, 'attention_mask');
      tensorOf(graph, 'input_ids').elemType = DataType.FLOAT;
      port(graph, 'input_ids').name = 'input_features';
    },
    /encoder_model\.onnx reads sound, which a 'bart' is not known to do/,
  ],
  ['no states', ENCODER, graph => drop(graph, 'last_hidden_state'), /no output 'last_hidden_state'/],
  [
    'states of another type',
    ENCODER,
    graph => (tensorOf(graph, 'last_hidden_state').elemType = DataType.DOUBLE),
    /'last_hidden_state' of type DOUBLE/,
  ],
  [
    'states of another size',
    ENCODER,
    graph => resize(graph, 'last_hidden_state', 2, 12),
    /decoder_model\.onnx takes states of 16 features \(float32\), but encoder_model\.onnx gives 12/,
  ],
  [
    'ids that are no integers',
    ENCODER,
    graph => (tensorOf(graph, 'input_ids').elemType = DataType.FLOAT),
    /'input_ids' of type FLOAT/,
  ],
  [
    'a decoder that takes no states',
    FIRST,
    graph => drop(graph, 'encoder_hidden_states'),
    /decoder_model\.onnx has no input 'encoder_hidden_states'/,
  ],
  [
    'a decoder without a cache',
    FIRST,
    graph => drop(graph, ...SIDES.map(side => `present.0.decoder.${side}`)),
    /no KV cache \(no output 'present\.0\.decoder\.key'\)/,
  ],
  [
    'a decoder that keeps its source to itself',
    FIRST,
    graph => drop(graph, ...SIDES.map(side => `present.0.encoder.${side}`)),
    /keys and values of the source for 0 layers, and 1 layers/,
  ],
  [
    'half a cache of the source',
    FIRST,
    graph => drop(graph, 'present.0.encoder.value'),
    /no output 'present\.0\.encoder\.value'/,
  ],
  ['no logits', NEXT, graph => drop(graph, 'logits'), /no output 'logits'/],
  [
    'a past of the source that is missing',
    NEXT,
    graph => drop(graph, 'past_key_values.0.encoder.key'),
    /no output 'present\.0\.encoder\.key'/,
  ],
  [
    'a past of the text that is missing',
    NEXT,
    graph => drop(graph, ...SIDES.map(side => `past_key_values.0.decoder.${side}`)),
    /decoder_with_past_model\.onnx takes no past/,
  ],
  [
    'other heads',
    NEXT,
    graph => SIDES.forEach(side => resize(graph, `past_key_values.0.encoder.${side}`, 1, 4)),
    /takes other keys and values than decoder_model\.onnx gives/,
  ],
  [
    'a cache of the source in another type',
    NEXT,
    graph => (tensorOf(graph, 'past_key_values.0.encoder.key').elemType = DataType.FLOAT16),
    /'past_key_values\.0\.encoder\.key' of another type than the decoder's own caches/,
  ],
  [
    'an input of the decoder that nobody knows',
    NEXT,
    graph => (port(graph, 'encoder_attention_mask').name = 'position_bias'),
    /not known: 'position_bias'/,
  ],
];

async function refused(
  t: Test,
  file: string,
  change: (graph: GraphProto) => void,
  message: RegExp,
): Promise<void> {
  const { folder } = await copiedExport(t, 'bart');
  await changeGraph(folder, file, change);
  await t.rejects(readModelFolder(folder), { code: 'unsupported_model', message });
}

for (const [name, file, change, message] of BROKEN)
  t.test(`refused: ${name}`, t => refused(t, file, change, message));

t.test('a part that is missing', async t => {
  const { folder } = await copiedExport(t, 'bart');
  await rm(path.join(folder, NEXT));
  await t.rejects(planSeq2Seq(folder, { format: 'onnx' }), {
    code: 'unsupported_model',
    message: /no ONNX encoder-decoder among decoder_model\.onnx, encoder_model\.onnx/,
  });
});
