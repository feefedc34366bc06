import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { describe } from '#cli/inspect.js';
import { inspectModel } from '#model/inspect.js';
import { attentionLayers } from '#model/cache/layer-cache.js';
import { loadDecoder } from '#model/decoder/load-decoder.js';
import { Environment } from '#runtime/index.js';
import { encoderConfig, encoderShapes } from '#test/support/encoder-models.js';
import { writeModel } from '#test/support/check-decoder.js';
import { exportLlama } from '#test/support/exported-llama.js';
import { LLAMA, llamaShapes } from '#test/support/llama-model.js';
import { randomTensors } from '#test/support/random-tensors.js';
import { MOONSHINE_FOLDER } from '#test/support/moonshine-fixture.js';
import { readSpeechFixture } from '#test/support/speech-fixtures.js';

const CONFIG = { ...LLAMA, head_dim: 16 };
const SHAPES = llamaShapes(CONFIG);
const TENSORS = randomTensors(SHAPES, 1, 1 / 64);
const PARAMETERS = Object.values(SHAPES).reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
const CACHE_PER_TOKEN = 2 * CONFIG.num_hidden_layers * CONFIG.num_key_value_heads * 16 * 4;

t.test('a model that hears', async t => {
  const { folder, shape } = await readSpeechFixture('whisper-128');
  const report = await inspectModel(folder, { slots: 2 });
  // Heads of 10 are padded to 16: two sides of three layers of two heads, in floats.
  const perPosition = 2 * 3 * 2 * 16 * 4;
  t.match(report, {
    kind: 'seq2seq',
    architecture: 'whisper',
    contextLength: 24,
    vocabularySize: 43,
    generation: {
      layers: 3,
      cacheBytesPerToken: perPosition,
      source: { layers: 1, longest: 50, cacheBytesPerToken: perPosition, sound: shape },
      memory: { slots: 2, cache: 2 * (24 + 50) * perPosition },
    },
    leftovers: { heads: [], unknown: [] },
  });
});

t.test('a model that hears samples', async t => {
  const report = await inspectModel(MOONSHINE_FOLDER, { slots: 2 });
  // Heads of 10 are padded to 16: two sides of two layers of two heads, in floats.
  const perPosition = 2 * 2 * 2 * 16 * 4;
  t.match(report, {
    kind: 'seq2seq',
    architecture: 'moonshine',
    generation: {
      layers: 2,
      source: { layers: 1, longest: 1248, cacheBytesPerToken: perPosition },
      memory: { slots: 2, cache: 2 * (390 + 1248) * perPosition },
    },
    leftovers: { heads: [], unknown: [] },
  });
  t.strictSame(report.generation?.source?.sound, { shortest: 1600, longest: 480_000 });
});

t.test('weights of a decoder', async t => {
  const folder = t.testdir();
  await writeModel(folder, { config: CONFIG, tensors: TENSORS, storedAs: 'BF16' });
  const report = await inspectModel(folder, { slots: 5 });
  t.match(report, {
    kind: 'generation',
    architecture: 'llama',
    contextLength: 19,
    vocabularySize: 61,
    path: { kind: 'built', reason: /model.safetensors of a known architecture, 'llama'/ },
    parameters: PARAMETERS,
    weightBytes: 2 * PARAMETERS,
    weights: [{ type: 'BF16', tensors: Object.keys(SHAPES).length, parameters: PARAMETERS }],
    generation: {
      layers: 2,
      heads: 6,
      kvHeads: 3,
      headSize: 16,
      cacheBytesPerToken: CACHE_PER_TOKEN,
      memory: { slots: 5, weights: 4 * PARAMETERS, cache: 5 * 19 * CACHE_PER_TOKEN },
    },
  });
  const smaller = await inspectModel(folder, { slots: 1, contextLength: 10, precision: 'f16' });
  t.match(smaller.generation?.memory, { weights: 2 * PARAMETERS, cache: 10 * CACHE_PER_TOKEN });
});

t.test('it tells what loading does', async t => {
  const folder = t.testdir();
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(CONFIG));
  const environment = new Environment({ logLevel: 'fatal' });
  for (const attention of ['primitive', 'grouped'] as const) {
    await exportLlama(path.join(folder, 'model.onnx'), CONFIG, TENSORS, { attention, positions: 'input' });
    const report = await inspectModel(folder, { slots: 2 });
    const { decoder, path: taken } = await loadDecoder(environment, folder, { slots: 2 });
    t.strictSame(report.path, taken);
    const { layers, kvHeads, headSize } = report.generation!;
    t.strictSame(decoder.shape.layers, attentionLayers(layers, { kvHeads, headSize }));
    t.equal(report.generation?.heads, 6);
    t.equal(report.contextLength, decoder.shape.contextLength);
    decoder.dispose();

    const copies = attention === 'primitive' ? 2 : 1;
    t.equal(report.generation?.memory?.cache, copies * 2 * 19 * CACHE_PER_TOKEN);
    const [graph] = report.graphs!;
    t.equal(graph!.file, 'model.onnx');
    t.match(graph!.inputs[0], { name: 'input_ids', type: 'INT64', shape: ['batch_size', 'sequence'] });
    t.equal(graph!.operators['com.microsoft.GroupQueryAttention'], attention === 'grouped' ? 2 : undefined);
    t.ok(report.weightBytes >= 4 * PARAMETERS);
    t.ok(report.weightBytes < (await stat(path.join(folder, 'model.onnx.data'))).size * 1.05);
  }
});

async function encoderFolder(t: Test): Promise<string> {
  const folder = t.testdir();
  const config = encoderConfig('bert', 'ForSequenceClassification', { id2label: { 0: 'bad', 1: 'good' } });
  const tensors = randomTensors(encoderShapes(config, 'ForSequenceClassification', 2));
  await writeModel(folder, { config, tensors });
  return folder;
}

t.test('an embedder: its prompts, its pooling, and what is left of its weights', async t => {
  const fixtures = fileURLToPath(new URL('../../../test/fixtures/sentence/', import.meta.url));
  const report = await inspectModel(path.join(fixtures, 'prompted'), { slots: 1 });
  t.match(report, {
    contextLength: 24,
    encoder: {
      task: 'embedding',
      pooling: ['mean'],
      normalize: false,
      similarity: 'cosine',
      prompts: ['document', 'query'],
      defaultPrompt: 'query: ',
    },
    leftovers: { heads: ['pooler.dense.bias', 'pooler.dense.weight'], unknown: [] },
  });
  const lines = describe(report);
  t.match(lines, /prompts +document, query\n/);
  t.match(lines, /default +"query: " in front of each text\n/);
  t.match(lines, /not used +other heads: pooler\.dense\n/);
  t.notMatch(lines, /warning/);
  t.match(
    describe({ ...report, leftovers: { heads: [], unknown: ['layers.0.x'], fields: [] } }),
    /warning +1 tensor of the weights is read by no layer: layers\.\*\.x/,
  );
});

t.test('an encoder', async t => {
  const report = await inspectModel(await encoderFolder(t), { slots: 1 });
  t.match(report, {
    kind: 'encoder',
    architecture: 'bert',
    path: { kind: 'built' },
    encoder: { task: 'sequence-classification', pooling: [], labels: ['bad', 'good'] },
  });
  t.equal(report.generation, undefined);
});

t.test('damage is said plainly', async t => {
  const folder = t.testdir();
  await writeModel(folder, { config: CONFIG, tensors: TENSORS });
  const weights = path.join(folder, 'model.safetensors');
  const whole = await readFile(weights);
  await writeFile(weights, whole.subarray(0, whole.length - 100));
  await t.rejects(inspectModel(folder, { slots: 1 }), { code: 'invalid_model', message: /is it cut off\?/ });

  await rm(weights);
  const index = { weight_map: { 'model.norm.weight': 'model-00001-of-00002.safetensors' } };
  await writeFile(path.join(folder, 'model.safetensors.index.json'), JSON.stringify(index));
  const missing = { code: 'invalid_model', message: /names missing files: model-00001-of-00002.safetensors/ };
  await t.rejects(inspectModel(folder, { slots: 1 }), missing);
  await t.rejects(inspectModel(path.join(folder, 'none'), { slots: 1 }), { code: 'invalid_model' });
});
