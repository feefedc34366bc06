import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Checkpoint, findWeightsFile, weightFiles } from '#graph/weights/checkpoint.js';
import { storedTensors } from '#graph/weights/stored-tensors.js';
import { f32, safetensors } from '#test/support/safetensors.js';

const TORCH = fileURLToPath(new URL('../../../../test/fixtures/sentence/bge-m3/', import.meta.url));
const INDEX = 'model.safetensors.index.json';
const index = (map: unknown) => JSON.stringify({ metadata: { total_size: 0 }, weight_map: map });

t.test('one file', async t => {
  const folder = t.testdir({
    'model.safetensors': safetensors({ a: f32([2, 1], [1, 2]), b: f32([1], [3]) }),
  });
  const checkpoint = await Checkpoint.open(folder);
  t.teardown(() => checkpoint.close());
  t.ok(checkpoint.has('a'));
  t.notOk(checkpoint.has('c'));
  const weight = checkpoint.weight('a', [2, 1]);
  t.equal(weight.name, 'a');
  t.strictSame(await weight.load(), Float32Array.of(1, 2));
  t.strictSame(await weight.load(), Float32Array.of(1, 2), 'again');
  t.strictSame(await weightFiles(folder), ['model.safetensors']);
});

t.test('shards, each named once', async t => {
  const folder = t.testdir({
    [INDEX]: index({ a: 'one.safetensors', b: 'two.safetensors', c: 'one.safetensors' }),
    'one.safetensors': safetensors({ a: f32([1], [1]), c: f32([1], [3]) }),
    'two.safetensors': safetensors({ b: f32([1], [2]) }),
  });
  t.strictSame(await weightFiles(folder), [INDEX, 'one.safetensors', 'two.safetensors']);
  const checkpoint = await Checkpoint.open(folder);
  t.teardown(() => checkpoint.close());
  for (const [i, name] of ['a', 'b', 'c'].entries())
    t.strictSame(await checkpoint.weight(name, [1]).load(), Float32Array.of(i + 1));
});

t.test('a whole file counts before an index', async t => {
  const folder = t.testdir({ [INDEX]: '?', 'model.safetensors': safetensors({}) });
  t.strictSame(await weightFiles(folder), ['model.safetensors']);
});

t.test('a tensor that is absent or has another shape', async t => {
  const folder = t.testdir({
    'model.safetensors': safetensors({ w: f32([2, 3], [1, 2, 3, 4, 5, 6]), s: f32([], [1]) }),
  });
  const checkpoint = await Checkpoint.open(folder);
  t.teardown(() => checkpoint.close());
  const code = 'invalid_model';
  t.throws(() => checkpoint.weight('x', [1]), {
    code,
    message: `${folder}: no tensor 'x' among the weights`,
  });
  for (const shape of [[3, 2], [6], [2, 3, 1], []])
    t.throws(() => checkpoint.weight('w', shape), {
      code,
      message: `${path.join(folder, 'model.safetensors')}: tensor 'w' has shape [2, 3]; config.json asks for [${shape.join(', ')}]`,
    });
  t.doesNotThrow(() => checkpoint.weight('s', []));
});

t.test('missing files are named', async t => {
  const code = 'invalid_model';
  const empty = t.testdir();
  await t.rejects(Checkpoint.open(empty), {
    code,
    message: `${empty} has neither model.safetensors nor ${INDEX}`,
  });
  await t.rejects(Checkpoint.open(t.testdir({ 'pytorch_model.bin': '' })), {
    code: 'unsupported_model',
    message: /has neither .*; pytorch_model\.bin is no zip archive of PyTorch 1\.6 or later/,
  });
  const folder = t.testdir({
    [INDEX]: index({ a: 'one.safetensors', b: 'two.safetensors', c: 'three.safetensors' }),
    'two.safetensors': safetensors({ b: f32([1], [2]) }),
  });
  await t.rejects(Checkpoint.open(folder), {
    code,
    message: `${folder}: ${INDEX} names missing files: one.safetensors, three.safetensors`,
  });
});

t.test('a broken shard is named', async t => {
  const folder = t.testdir({
    [INDEX]: index({ a: 'one.safetensors', b: 'two.safetensors' }),
    'one.safetensors': safetensors({ a: f32([1], [1]) }),
    'two.safetensors': 'nothing of the kind',
  });
  await t.rejects(Checkpoint.open(folder), {
    code: 'invalid_model',
    message: /two\.safetensors: claims a longer header than its 19 bytes can hold/,
  });
});

t.test('a broken index, and one that leaves the folder', async t => {
  const cases: [string, RegExp][] = [
    ['{', /index\.json is not valid JSON/],
    ['null', /has no weight_map/],
    ['{}', /has no weight_map/],
    [index([]), /has no weight_map/],
    [index({ a: 7 }), /gives tensor 'a' no file of this folder: 7/],
    ...['../a.safetensors', '/etc/passwd', 'b/a.safetensors', '..', '.', ''].map(
      (shard): [string, RegExp] => [index({ a: shard }), /gives tensor 'a' no file of this folder/],
    ),
  ];
  for (const [content, message] of cases)
    await t.rejects(
      Checkpoint.open(t.testdir({ [INDEX]: content })),
      { code: 'invalid_model', message },
      content,
    );
});

t.test('files of PyTorch, whole and in shards, where there are no safetensors', async t => {
  const fixture = (name: string): Promise<Buffer> => readFile(path.join(TORCH, name));
  const whole = t.testdir({ 'pytorch_model.bin': await fixture('colbert_linear.pt') });
  t.equal(findWeightsFile(whole), 'pytorch_model.bin');
  const opened = await Checkpoint.open(whole);
  t.teardown(() => opened.close());
  t.equal((await opened.weight('weight', [6, 16]).load()).length, 96);
  t.strictSame(opened.unused, ['bias']);
  t.strictSame(
    (await storedTensors(whole)).map(({ type, bytes }) => [type, bytes]),
    [
      ['F16', 192],
      ['F16', 12],
    ],
  );

  const TORCH_INDEX = 'pytorch_model.bin.index.json';
  const shards = t.testdir({
    [TORCH_INDEX]: index({ weight: 'pytorch_model-00001-of-00001.bin' }),
    'pytorch_model-00001-of-00001.bin': await fixture('sparse_linear.pt'),
  });
  const sharded = await Checkpoint.open(shards);
  t.teardown(() => sharded.close());
  t.equal((await sharded.weight('weight', [1, 16]).load()).length, 16);
  await t.rejects(Checkpoint.open(t.testdir({ [TORCH_INDEX]: index({ weight: 'one.bin' }) })), {
    code: 'invalid_model',
    message: /pytorch_model\.bin\.index\.json names missing files: one\.bin/,
  });

  const both = t.testdir({
    'model.safetensors': safetensors({ w: f32([1], [1]) }),
    'pytorch_model.bin': await fixture('sparse_linear.pt'),
  });
  const preferred = await Checkpoint.open(both);
  t.teardown(() => preferred.close());
  t.ok(preferred.has('w') && !preferred.has('weight'));
  const quantized = t.testdir({
    'config.json': JSON.stringify({ model_type: 'llama', quantization_config: { quant_method: 'mxfp4' } }),
    'pytorch_model.bin': await fixture('sparse_linear.pt'),
  });
  await t.rejects(Checkpoint.open(quantized), { code: 'unsupported_model', message: /safetensors alone/ });
});
