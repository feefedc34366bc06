/**
 * What may be wrong with a model's files when it is built: a clear error, no half-built graph, and earlier
 * builds as they were.
 */
import { readdir, readFile, rm, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import type { ErrorCode } from '#errors.js';
import { buildDecoder } from '#graph/build.js';
import { buildOnce } from '#graph/build-cache.js';
import { DataType, GraphBuilder } from '#graph/onnx/graph-builder.js';
import { writeModel } from '#test/support/check-decoder.js';
import { startCommand } from '#test/support/command.js';
import { LLAMA, llamaShapes } from '#test/support/llama-model.js';
import { randomTensors } from '#test/support/random-tensors.js';
import { BYTE_LEVEL } from '#test/support/tiny-tokenizers.js';
import { f32, safetensors, withHeader, type StoredTensor } from '#test/support/safetensors.js';

const TENSORS = randomTensors(llamaShapes(LLAMA));
const NORM = 'model.norm.weight';
const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

/** The model in two shards. */
async function writeShards(folder: string): Promise<void> {
  const entries = Object.entries(TENSORS).map(
    ([name, { shape, values }]) => [name, f32(shape, values)] as const,
  );
  const half = entries.length >> 1;
  const map: Record<string, string> = {};
  for (const [shard, tensors] of [
    ['model-00001-of-00002.safetensors', entries.slice(0, half)],
    ['model-00002-of-00002.safetensors', entries.slice(half)],
  ] as const) {
    for (const [name] of tensors) map[name] = shard;
    await writeFile(path.join(folder, shard), safetensors(Object.fromEntries(tensors)));
  }
  await rm(path.join(folder, SINGLE));
  await writeFile(path.join(folder, INDEX), JSON.stringify({ weight_map: map }));
}

/** Writes the model with one of its tensors replaced. */
async function replaceTensor(folder: string, name: string, tensor: StoredTensor): Promise<void> {
  const stored = Object.entries(TENSORS).map(([key, { shape, values }]) => [key, f32(shape, values)]);
  const tensors = { ...(Object.fromEntries(stored) as Record<string, StoredTensor>), [name]: tensor };
  await writeFile(path.join(folder, SINGLE), safetensors(tensors));
}

interface Fault {
  readonly name: string;
  readonly code: ErrorCode;
  readonly message: RegExp;
  readonly damage: (folder: string) => Promise<void>;
}

const FAULTS: readonly Fault[] = [
  {
    name: 'a download that broke off',
    code: 'invalid_model',
    message:
      /model\.safetensors: tensor .* reaches to byte \d+ of the data, but the file holds \d+: is it cut off\?/,
    damage: async folder =>
      truncate(path.join(folder, SINGLE), (await stat(path.join(folder, SINGLE))).size - 1000),
  },
  {
    name: 'a page of the hub in place of the file',
    code: 'invalid_model',
    message: /model\.safetensors: claims a longer header than its 33 bytes can hold/,
    damage: folder => writeFile(path.join(folder, SINGLE), '<!doctype html><title>404</title>'),
  },
  {
    name: 'a shard that is missing',
    code: 'invalid_model',
    message: /model-00002-of-00002\.safetensors/,
    damage: async folder => {
      await writeShards(folder);
      await rm(path.join(folder, 'model-00002-of-00002.safetensors'));
    },
  },
  {
    name: 'a tensor of another type',
    code: 'unsupported_model',
    message: new RegExp(`tensor '${NORM}' is I8; F32, F16 and BF16 weights can be read`),
    damage: folder => replaceTensor(folder, NORM, { type: 'I8', shape: [48], bytes: new Uint8Array(48) }),
  },
  {
    name: 'a tensor of another shape',
    code: 'invalid_model',
    message: new RegExp(`tensor '${NORM}' has shape \\[6, 8\\]; config\\.json asks for \\[48\\]`),
    damage: folder => replaceTensor(folder, NORM, f32([6, 8], Array<number>(48).fill(1))),
  },
  {
    name: 'a header that claims more than there is',
    code: 'invalid_model',
    message: /tensor 'x' reaches to byte \d+ of the data/,
    damage: async folder => {
      const header = { x: { dtype: 'F32', shape: [2 ** 40], data_offsets: [0, 2 ** 42] } };
      await writeFile(path.join(folder, SINGLE), withHeader(JSON.stringify(header)));
    },
  },
  {
    name: 'a shape whose product is beyond all numbers',
    code: 'invalid_model',
    message: /tensor 'x' has 0 bytes, but F32/,
    damage: async folder => {
      const shape = Array<number>(40).fill(2 ** 50);
      const header = { x: { dtype: 'F32', shape, data_offsets: [0, 0] } };
      await writeFile(path.join(folder, SINGLE), withHeader(JSON.stringify(header)));
    },
  },
  {
    name: 'a context that no memory holds',
    code: 'invalid_model',
    message: /max_position_embeddings is 1099511627776, expected a positive integer of at most 16777216/,
    damage: folder =>
      writeFile(
        path.join(folder, 'config.json'),
        JSON.stringify({ ...LLAMA, max_position_embeddings: 2 ** 40 }),
      ),
  },
  {
    name: 'weights that are no numbers',
    code: 'invalid_model',
    message:
      /model\.safetensors: 2 of the 48 numbers of tensor 'model\.norm\.weight' are not finite \(NaN or infinity\)/,
    damage: folder => replaceTensor(folder, NORM, f32([48], [NaN, ...Array<number>(46).fill(1), -Infinity])),
  },
  {
    name: 'more layers than a checkpoint can hold',
    code: 'invalid_model',
    message: /num_hidden_layers is 1000000000, expected a positive integer of at most 4096/,
    damage: folder =>
      writeFile(path.join(folder, 'config.json'), JSON.stringify({ ...LLAMA, num_hidden_layers: 1e9 })),
  },
];

/** All files of earlier builds, with what is in them. */
async function builds(folder: string): Promise<Record<string, string>> {
  const root = path.join(folder, '.kvasir');
  const files = await readdir(root, { recursive: true, withFileTypes: true });
  const contents = files
    .filter(file => file.isFile())
    .map(async file => {
      const full = path.join(file.parentPath, file.name);
      return [path.relative(root, full), (await readFile(full)).toString('base64')] as const;
    });
  return Object.fromEntries(await Promise.all(contents));
}

for (const { name, code, message, damage } of FAULTS)
  t.test(name, async t => {
    const folder = t.testdir();
    await writeModel(folder, { config: { ...LLAMA }, tensors: TENSORS });
    await buildDecoder(folder);
    const before = await builds(folder);
    t.equal(Object.keys(before).length, 4);
    await damage(folder);
    for (const precision of ['f32', 'int4'] as const)
      await t.rejects(buildDecoder(folder, { precision }), { name: 'KvasirError', code, message });
    t.strictSame(await builds(folder), before);
    t.equal((await readdir(path.join(folder, '.kvasir'))).length, 1, 'nothing half-built');
  });

t.test('shards that are all there are built', async t => {
  const folder = t.testdir();
  await writeModel(folder, { config: { ...LLAMA }, tensors: TENSORS });
  await buildDecoder(folder);
  const whole = await builds(folder);
  await rm(path.join(folder, '.kvasir'), { recursive: true });
  await writeShards(folder);
  await buildDecoder(folder);
  t.strictSame(Object.values(await builds(folder)), Object.values(whole), 'the same graph');
});

t.test('a full disk', { skip: process.platform !== 'linux' && 'needs /dev/full' }, async t => {
  const folder = t.testdir({ a: '1' });
  const inputs = { folder, files: ['a'], variant: 'v' };
  const graph = (): GraphBuilder => {
    const made = new GraphBuilder();
    made.initializer('w', DataType.FLOAT, [4], () => new Float32Array(4));
    return made;
  };
  await buildOnce(inputs, target => graph().save(path.join(target, 'graph.onnx')));
  const before = await builds(folder);
  await utimes(path.join(folder, 'a'), 1, 1);
  for (const full of ['graph.onnx.data', 'graph.onnx'])
    await t.rejects(
      buildOnce(inputs, async target => {
        await symlink('/dev/full', path.join(target, full));
        await graph().save(path.join(target, 'graph.onnx'));
      }),
      { code: 'storage_full', message: new RegExp(`no space is left for .*/${full}$`) },
    );
  t.strictSame(await builds(folder), before);
});

t.test('a disk that is too small is found out before anything is loaded', async t => {
  const folder = t.testdir();
  const graph = new GraphBuilder();
  graph.initializer('w', DataType.FLOAT, [2 ** 25, 2 ** 25], () => {
    throw new Error('it was loaded');
  });
  await t.rejects(graph.save(path.join(folder, 'graph.onnx')), {
    code: 'storage_full',
    message: /^4500 TB are to be written, but the disk of .* has .* left$/,
  });
  t.strictSame(await readdir(folder), []);
});

/** A limit of a process' files is the next thing to a full disk that needs no rights. */
t.test('kvasir build on a full disk', { skip: process.platform !== 'linux' && 'needs ulimit' }, async t => {
  const folder = t.testdir();
  await writeModel(folder, { config: { ...LLAMA }, tensors: TENSORS });
  await writeFile(path.join(folder, 'tokenizer.json'), JSON.stringify(BYTE_LEVEL));
  const command = startCommand(t, ['build', folder], {}, { fileBlocks: 40 });
  t.equal(await command.exit, 1);
  t.match(command.stderr(), /\nkvasir: no space is left for .*decoder\.onnx\.data\n$/);
  t.strictSame(await readdir(path.join(folder, '.kvasir')), []);
});
