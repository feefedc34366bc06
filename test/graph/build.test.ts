import { readdir } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import type { KvasirError } from '#errors.js';
import { buildDecoder } from '#graph/build.js';
import { attentionLayers, layersOf } from '#model/cache/layer-cache.js';
import { writeModel } from '#test/support/check-decoder.js';
import { DataType, readOnnxFile } from '#model/onnx-file.js';
import { LLAMA, llamaShapes } from '#test/support/llama-model.js';
import { randomTensors } from '#test/support/random-tensors.js';

const tensors = randomTensors(llamaShapes(LLAMA));

const faults: [string, Record<string, unknown>, KvasirError['code'], RegExp][] = [
  ['no model_type', { model_type: undefined }, 'invalid_model', /model_type is missing/],
  ['an unknown model_type', { model_type: 'resnet' }, 'unsupported_model', /model_type 'resnet'.*llama/],
  ['a missing size', { hidden_size: null }, 'invalid_model', /hidden_size is missing/],
  ['a size that is none', { num_hidden_layers: '2' }, 'invalid_model', /num_hidden_layers is "2"/],
  ['no layers', { num_hidden_layers: 0 }, 'invalid_model', /num_hidden_layers is 0/],
  ['a negative theta', { rope_theta: -1 }, 'invalid_model', /rope_theta is -1/],
  ['a flag that is none', { tie_word_embeddings: 1 }, 'invalid_model', /tie_word_embeddings is 1/],
  ['another activation', { hidden_act: 'mish' }, 'unsupported_model', /hidden_act is 'mish'/],
  [
    'heads that cannot share',
    { num_key_value_heads: 4 },
    'invalid_model',
    /num_attention_heads \(6\).*num_key_value_heads \(4\)/,
  ],
  [
    'heads that do not divide the hidden size',
    { num_attention_heads: 5, num_key_value_heads: 5 },
    'invalid_model',
    /hidden_size \(48\).*num_attention_heads \(5\)/,
  ],
  ['heads of an odd size', { head_dim: 7 }, 'invalid_model', /head.*7/],
  [
    'a size that contradicts the weights',
    { vocab_size: 62 },
    'invalid_model',
    /'model.embed_tokens.weight' has shape \[61, 48\].*\[62, 48\]/,
  ],
  ['more layers than there are weights', { num_hidden_layers: 3 }, 'invalid_model', /model\.layers\.2\./],
  ['a projection that is not there', { tie_word_embeddings: false }, 'invalid_model', /lm_head\.weight/],
];

for (const [name, changes, code, message] of faults) {
  t.test(`config.json with ${name} is refused by name, and leaves nothing`, async t => {
    const folder = t.testdir();
    await writeModel(folder, { config: { ...LLAMA, ...changes }, tensors });
    const error = await buildDecoder(folder).then(
      () => undefined,
      (failure: unknown) => failure,
    );
    t.match(error, { name: 'KvasirError', code, message });
    t.match((error as Error).message, folder, 'the error names the folder');
    const built = await readdir(path.join(folder, '.kvasir')).catch(() => []);
    t.strictSame(built, []);
  });
}

t.test('a folder without config.json, or with one that is not JSON, is refused', async t => {
  await t.rejects(buildDecoder(t.testdir()), { code: 'invalid_model', message: /config\.json/ });
  await t.rejects(buildDecoder(t.testdir({ 'config.json': '{' })), {
    code: 'invalid_model',
    message: /config\.json/,
  });
  await t.rejects(buildDecoder(t.testdir({ 'config.json': '[]' })), {
    code: 'invalid_model',
    message: /not a JSON object/,
  });
});

t.test('a decoder is built once, and again when its weights change', async t => {
  const folder = t.testdir();
  await writeModel(folder, { config: LLAMA, tensors });
  const first = await buildDecoder(folder);
  t.strictSame(
    layersOf(first.sizes),
    attentionLayers(2, { kvHeads: 3, headSize: 16 }),
    'heads of 8 are padded',
  );
  t.match(first.sizes, { layers: 2, kvHeads: 3, headSize: 8, vocabularySize: 61, contextLength: 19 });
  t.strictSame((await readdir(path.dirname(first.graphPath))).sort(), [
    'decoder.onnx',
    'decoder.onnx.data',
    'manifest.json',
    'mixed.onnx',
  ]);
  t.strictSame(await buildDecoder(folder), first);
  await new Promise(resolve => setTimeout(resolve, 5));
  await writeModel(folder, { config: LLAMA, tensors });
  t.not((await buildDecoder(folder)).graphPath, first.graphPath);
});

for (const [precision, halfFloats, type, cacheType] of [
  ['f16', false, DataType.FLOAT16, 'float16'],
  ['bf16', false, DataType.BFLOAT16, 'bfloat16'],
  ['bf16', true, DataType.BFLOAT16, 'bfloat16'],
  ['int4', true, DataType.FLOAT16, 'float16'],
] as const) {
  const name = `${precision}${halfFloats ? ' with half floats' : ''}`;
  t.test(`a graph of ${name} has 16-bit caches and weights, and logits of 32 bits`, async t => {
    const folder = t.testdir();
    await writeModel(folder, { config: LLAMA, tensors });
    const built = await buildDecoder(folder, { precision, halfFloats });
    t.equal(built.cacheType, cacheType);
    const { inputs, outputs, nodes, weights } = await readOnnxFile(built.graphPath);
    const caches = [...inputs, ...outputs].filter(value => /^(past|present)\./.test(value.name));
    t.equal(caches.length, 4 * built.sizes.layers);
    t.strictSame(new Set(caches.map(cache => cache.type)), new Set([type]));
    t.equal(outputs.find(output => output.name === 'logits')!.type, DataType.FLOAT);
    const floats = weights.filter(weight => weight.bytes > 64 && weight.type !== DataType.UINT8);
    t.strictSame(new Set(floats.map(weight => weight.type)), new Set([type]));
    t.equal(nodes.filter(({ opType }) => opType === 'GroupQueryAttention').length, built.sizes.layers);
  });
}

t.test('numbers that 16 bits cannot hold are refused by name, and 32 bits hold them', async t => {
  const folder = t.testdir();
  const norm = { shape: [48], values: Array<number>(48).fill(70_000) };
  await writeModel(folder, { config: LLAMA, tensors: { ...tensors, 'model.norm.weight': norm } });
  await t.rejects(buildDecoder(folder, { precision: 'f16' }), {
    code: 'invalid_configuration',
    message: /^the weight '.*norm.*' has numbers beyond the largest of 16 bits: take another precision/,
  });
  await buildDecoder(folder);
});
