import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import { huggingFaceModel } from '#gguf/architectures/index.js';
import { openGguf } from '#gguf/reader.js';
import { unfoldGguf } from '#gguf/unfold.js';
import { checkDecoder } from '#graph/build.js';
import { Checkpoint } from '#graph/weights/checkpoint.js';
import { gguf, zeros, type TestValue } from '#test/support/gguf.js';
import { openEncoder } from '#test/support/check-encoder.js';
import { copyModel, modelFixture, unfoldModel } from '#test/support/gguf-fixtures.js';

t.test('a folder is made once, and again when the file changes', async t => {
  const file = await copyModel('llama', t.testdir());
  const folder = await unfoldGguf(file);
  t.strictSame((await readdir(folder)).sort(), [
    'config.json',
    'generation_config.json',
    'model.gguf.json',
    'tokenizer.json',
    'tokenizer_config.json',
  ]);
  const mark = path.join(folder, 'mark');
  await writeFile(mark, '');
  t.equal(await unfoldGguf(file), folder);
  t.ok((await readdir(folder)).includes('mark'), 'is left alone');
  await utimes(file, 1, 1);
  await t.rejects(Checkpoint.open(folder), {
    code: 'invalid_model',
    message: /llama\.gguf is not the file any more that .* was made of: name the GGUF file itself/,
  });
  await unfoldGguf(file);
  t.notOk((await readdir(folder)).includes('mark'), 'is made again');
  t.strictSame(await checkDecoder(folder).then(({ unknown }) => unknown), []);
});

t.test('rotary factors and sizes in the terms of config.json', async t => {
  const config = async (name: string): Promise<Record<string, unknown>> =>
    JSON.parse(
      await readFile(path.join(await unfoldModel(name, t.testdir()), 'config.json'), 'utf8'),
    ) as Record<string, unknown>;
  t.match(await config('qwen2'), {
    model_type: 'qwen2',
    rms_norm_eps: 1e-5,
    tie_word_embeddings: true,
    rope_scaling: { rope_type: 'yarn', factor: 3, original_max_position_embeddings: 8 },
  });
  t.match(await config('llama'), {
    rope_theta: 500,
    rope_scaling: { rope_type: 'longrope', attention_factor: 1 },
  });
  const { layer_types: layers, sliding_window: window } = await config('gemma3');
  t.equal(window, 5);
  t.strictSame(layers, [...Array<string>(5).fill('sliding_attention'), 'full_attention']);
});

for (const name of ['bert', 'nomic-bert', 'modern-bert'])
  t.test(`${name} of llama.cpp has transformers' hidden states`, async t => {
    const { ids, values } = await modelFixture(name);
    const folder = await unfoldModel(name, t.testdir());
    const width = values.length / ids.length;
    // No pooling is written, so that it is the mean.
    const mean = Array.from({ length: width }, (_, i) =>
      ids.reduce((sum, _, row) => sum + values[row * width + i]!, 0),
    );
    const limits = { f32: 1e-5, stored: 0.1 } as const;
    for (const precision of ['f32', 'stored'] as const) {
      const encoder = await openEncoder(t, folder, { precision });
      const [output] = await encoder.run([{ ids, typeIds: ids.map(() => 0), positions: [] }]);
      const [found, expected] = [[...output!.values], mean].map(unit) as [number[], number[]];
      const off = Math.hypot(...found.map((value, i) => value - expected[i]!));
      t.ok(off < limits[precision], `${precision}: ${off}`);
    }
  });

/** The vector of length 1 in a direction. */
function unit(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector);
  return vector.map(value => value / length);
}

/** The smallest file of a Llama that says everything. */
function tinyLlama(
  changes: Readonly<Record<string, TestValue | undefined>> = {},
  type: 'F32' | 'IQ2_XXS' = 'F32',
  name = 'blk.0.attn_q.weight',
): Buffer {
  const count = (value: number): TestValue => ({ type: 'uint32', value });
  const metadata: Record<string, TestValue | undefined> = {
    'general.architecture': { type: 'string', value: 'llama' },
    'llama.block_count': count(1),
    'llama.context_length': count(16),
    'llama.embedding_length': count(256),
    'llama.feed_forward_length': count(256),
    'llama.attention.head_count': count(4),
    'llama.attention.layer_norm_rms_epsilon': { type: 'float32', value: 1e-5 },
    ...changes,
  };
  return gguf({
    metadata: Object.entries(metadata).filter(
      (entry): entry is [string, TestValue] => entry[1] !== undefined,
    ),
    tensors: { 'token_embd.weight': zeros('F32', [8, 256]), [name]: zeros(type, [256, 256]) },
  });
}

async function model(t: Test, bytes: Buffer): ReturnType<typeof huggingFaceModel> {
  const file = path.join(t.testdir(), 'a.gguf');
  await writeFile(file, bytes);
  const opened = await openGguf(file);
  t.teardown(() => opened.close());
  return huggingFaceModel(opened);
}

t.test('what is not known of a model is refused by its name', async t => {
  const cases: [string, Buffer, string, RegExp][] = [
    ['an architecture', tinyLlama({ 'general.architecture': { type: 'string', value: 'mamba' } }), 'unsupported_model', /its architecture 'mamba' is not read; llama, /],
    ['no architecture', tinyLlama({ 'general.architecture': undefined }), 'invalid_model', /general\.architecture is missing/],
    ['a missing key', tinyLlama({ 'llama.block_count': undefined }), 'invalid_model', /llama\.block_count is missing/],
    ['a size of 0', tinyLlama({ 'llama.attention.head_count': { type: 'uint32', value: 0 } }), 'invalid_model', /head_count is 0, expected a positive integer/],
    ['sizes by layers', tinyLlama({ 'llama.feed_forward_length': { type: 'array', of: 'uint32', value: [1, 2] } }), 'unsupported_model', /feed_forward_length differs from layer to layer/],
    ['a key that nobody reads', tinyLlama({ 'llama.attention.clamp_kqv': { type: 'float32', value: 8 } }), 'unsupported_model', /may change results: llama\.attention\.clamp_kqv/],
    ['another value', tinyLlama({ 'llama.attention.causal': { type: 'bool', value: false } }), 'unsupported_model', /llama\.attention\.causal is false; only true is read/],
    ['a way of scaling', tinyLlama({ 'llama.rope.scaling.type': { type: 'string', value: 'spiral' } }), 'unsupported_model', /rope\.scaling\.type is 'spiral'/],
    ['a tensor', tinyLlama({}, 'F32', 'blk.0.attn_sinks.weight'), 'unsupported_model', /a tensor 'blk\.0\.attn_sinks\.weight' that is not known/],
    ['rows of no heads', tinyLlama({ 'llama.attention.head_count': { type: 'uint32', value: 3 }, 'llama.attention.key_length': { type: 'uint32', value: 64 }}), 'invalid_model', /attn_q\.weight' has 256 rows for 3 heads/],
  ]; // prettier-ignore
  for (const [name, bytes, code, message] of cases) await t.rejects(model(t, bytes), { code, message }, name);
  t.equal((await model(t, tinyLlama())).config.model_type, 'llama');
});

t.test('types that are not read, and numbers that are none', async t => {
  const folder = await unfoldModel('llama', t.testdir());
  const store = await Checkpoint.open(folder);
  t.teardown(() => store.close());
  t.equal(store.weight('model.embed_tokens.weight', [64, 32]).isQuantized, true);
  t.throws(() => store.weight('model.embed_tokens.weight', [64, 33]), { message: /has shape \[64, 32\]/ });
  t.throws(() => store.weight('other', [1]), { message: /no tensor 'other'/ });

  const broken = await copyModel('qwen3', t.testdir());
  const bytes = await readFile(broken);
  const file = await openGguf(broken);
  const values = await file.read('blk.0.attn_q.weight');
  await file.close();
  const at = bytes.indexOf(Buffer.from(values));
  bytes.writeUInt16LE(0x7e00, at);
  await writeFile(broken, bytes);
  const opened = await Checkpoint.open(await unfoldGguf(broken));
  t.teardown(() => opened.close());
  const weight = opened.weight('model.layers.0.self_attn.q_proj.weight', [64, 32]);
  const fault = {
    code: 'invalid_model',
    message: /'blk\.0\.attn_q\.weight' has numbers that are not finite/,
  };
  await t.rejects(weight.load(), fault);
  await t.rejects(weight.packed!.rows(0, 64), fault);
});
