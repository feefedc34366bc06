/** What is read of quantized checkpoints: whole or in parts, as numbers or as blocks; and damaged ones. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import t from 'tap';
import { checkDecoder } from '#graph/build.js';
import { ModelConfig } from '#graph/config.js';
import { folderQuantization } from '#graph/quantized-checkpoint.js';
import { Checkpoint } from '#graph/weights/checkpoint.js';
import { QuantizedStore } from '#graph/weights/quantized/store.js';
import { SafetensorsFile } from '#graph/weights/safetensors.js';
import { dequantize } from '#test/support/dequantize.js';
import { QUANTIZED_FIXTURES } from '#test/support/quantized-fixtures.js';
import { safetensors, type StoredTensor } from '#test/support/safetensors.js';

const NAMES = await readdir(QUANTIZED_FIXTURES);

/** Forms whose numbers are in no blocks that graphs run. */
const IN_NO_BLOCKS = /^(gptq-act-order|fp8|fbgemm|float-quantized|nf4|fp4)/;

/** The names of a folder's quantized weights, and of the tensors that they are made of. */
async function quantizedOf(folder: string) {
  const file = await SafetensorsFile.open(path.join(folder, 'model.safetensors'));
  try {
    const find = await folderQuantization(folder);
    const { tensors } = await QuantizedStore.open(folder, [file], find!);
    return tensors;
  } finally {
    await file.close();
  }
}

for (const name of NAMES)
  t.test(name, async t => {
    const folder = path.join(QUANTIZED_FIXTURES, name);
    const checkpoint = await Checkpoint.open(folder);
    t.teardown(() => checkpoint.close());
    for (const [weightName, { shape }] of await quantizedOf(folder)) {
      const weight = checkpoint.weight(weightName, shape);
      const whole = await weight.load();
      const columns = shape.at(-1)!;
      const rows = whole.length / columns;
      t.equal(weight.isQuantized, true);
      for (const [first, last] of [
        [0, 1],
        [columns + 3, 3 * columns - 5],
        [11 * columns, rows * columns],
      ] as const)
        t.ok(
          same(await weight.load(first, last), whole.subarray(first, last)),
          `${weightName} from ${first}`,
        );
      t.equal(weight.packed === undefined, IN_NO_BLOCKS.test(name), weightName);
      if (weight.packed === undefined) continue;
      const { layout } = weight.packed;
      const format = { ...layout, method: 'round-to-nearest' } as const;
      for (const [first, last] of [
        [0, rows],
        [3, 14],
      ] as const)
        t.ok(
          same(
            dequantize(await weight.packed.rows(first, last), format, last - first, columns),
            whole.subarray(first * columns, last * columns),
          ),
          `the blocks of ${weightName} from row ${first}`,
        );
    }
  });

t.test("AutoFP8's names of scales", async t => {
  const folder = t.testdir();
  await cp(path.join(QUANTIZED_FIXTURES, 'fp8-static'), folder, { recursive: true });
  const file = path.join(folder, 'model.safetensors');
  const name = 'model.layers.0.mlp.up_proj.weight';
  const read = async (): Promise<Float32Array> => {
    const checkpoint = await Checkpoint.open(folder);
    const values = await checkpoint.weight(name, [64, 64]).load();
    await checkpoint.close();
    return values;
  };
  const before = await read();
  const renamed = Object.entries(await readStored(file)).map(
    ([key, tensor]) =>
      [key.replace('weight_scale_inv', 'weight_scale').replace('activation_', 'input_'), tensor] as const,
  );
  await writeFile(file, safetensors(Object.fromEntries(renamed)));
  t.ok(same(await read(), before));
  t.strictSame((await checkDecoder(folder)).unknown, []);
});

t.test('groups of modules of several classes, names and patterns', async t => {
  const folder = t.testdir();
  await cp(path.join(QUANTIZED_FIXTURES, 'pack-quantized'), folder, { recursive: true });
  const file = path.join(folder, 'config.json');
  const fields = JSON.parse(await readFile(file, 'utf8')) as object;
  const four = { num_bits: 4, strategy: 'group', group_size: 32 };
  const wrong = { num_bits: 8, strategy: 'channel' };
  const opens = async (...groups: readonly object[]): Promise<void> => {
    const config_groups = Object.fromEntries(groups.map((group, i) => [`group_${i}`, group]));
    const quantization_config = {
      quant_method: 'compressed-tensors',
      format: 'pack-quantized',
      config_groups,
    };
    await writeFile(file, JSON.stringify({ ...fields, quantization_config }));
    await (await Checkpoint.open(folder)).close();
  };
  await t.resolves(opens({ targets: ['Embedding'], weights: wrong }, { targets: ['Linear'], weights: four }));
  await t.resolves(
    opens({ targets: ['Linear'], weights: wrong }, { targets: ['re:.*proj$'], weights: four }),
  );
  await t.resolves(opens({ targets: ['Attention'], weights: null }, { targets: ['Linear'], weights: four }));
  await t.rejects(opens({ targets: ['re:proj'], weights: four }), { message: /does not name/ });
  await t.rejects(opens({ targets: ['Linear'], weights: wrong }, { targets: ['re:proj'], weights: four }), {
    message: /weight_packed' has shape/,
  });
});

/** Parts without which a weight means the same: groups in order, and what is said of inputs and orders. */
const OPTIONAL = /(activation_scale|input_scale|weight_format)$/;

t.test('damaged ones are refused by name', async t => {
  for (const name of NAMES) {
    const folder = await mkdtemp(path.join(tmpdir(), 'kvasir-'));
    t.teardown(() => rm(folder, { recursive: true }));
    await cp(path.join(QUANTIZED_FIXTURES, name), folder, { recursive: true });
    await t.resolves(checkDecoder(folder), name);
    const stored = await readStored(path.join(folder, 'model.safetensors'));
    const [weight] = [...(await quantizedOf(folder)).values()];
    for (const part of weight!.tensors) {
      const refuses = async (changed: Record<string, StoredTensor>, fault: string): Promise<void> => {
        await writeFile(path.join(folder, 'model.safetensors'), safetensors(changed));
        await t.rejects(
          checkDecoder(folder),
          { name: 'KvasirError', code: /^(invalid|unsupported)_model$/, message: /(tensor|config)/ },
          `${name}: ${part} ${fault}`,
        );
      };
      const tensor = stored[part]!;
      const others = Object.fromEntries(Object.entries(stored).filter(([key]) => key !== part));
      const isOrder = part.endsWith('g_idx') && name !== 'gptq-act-order';
      if (!OPTIONAL.test(part) && !isOrder) await refuses(others, 'is missing');
      if (OPTIONAL.test(part)) continue;
      const { shape, bytes } = tensor;
      const rows = shape[0] ?? 1;
      const size = bytes.length / rows;
      const less = {
        ...tensor,
        shape: [rows - 1, ...shape.slice(1)],
        bytes: bytes.subarray(0, bytes.length - size),
      };
      await refuses({ ...others, [part]: less }, 'lacks a row');
      // Those of floats of 8 bits may have axes of 1.
      if (!isTileScale(name, part))
        await refuses({ ...others, [part]: { ...tensor, shape: [1, 1, ...shape] } }, 'has other axes');
      await refuses(
        { ...others, [part]: { type: 'BOOL', shape: [bytes.length], bytes } },
        'is of another type',
      );
    }
  }
});

t.test('numbers that are none are refused when they are read', async t => {
  for (const [name, part] of [
    ['gptq', 'scales'],
    ['awq', 'scales'],
    ['fp8-blocks', 'weight_scale_inv'],
    ['fp8-blocks', 'weight'],
    ['int-quantized', 'weight_scale'],
    ['nvfp4', 'weight_scale'],
    ['nf4', 'weight.absmax'],
    ['int8', 'SCB'],
  ] as const) {
    const folder = t.testdir();
    await cp(path.join(QUANTIZED_FIXTURES, name), folder, { recursive: true });
    const file = path.join(folder, 'model.safetensors');
    const stored = await readStored(file);
    const module = 'model.layers.0.self_attn.q_proj';
    stored[`${module}.${part}`]!.bytes.fill(0xff);
    await writeFile(file, safetensors(stored));
    const checkpoint = await Checkpoint.open(folder);
    const refused = { code: 'invalid_model', message: new RegExp(`${module}.*not finite`) };
    await t.rejects(checkpoint.weight(`${module}.weight`, [64, 64]).load(), refused, `${name}: ${part}`);
    await checkpoint.close();
  }
});

t.test('what settings say is held against the tensors', async t => {
  const folder = t.testdir();
  const config = async (name: string, change: object): Promise<void> => {
    await cp(path.join(QUANTIZED_FIXTURES, name), folder, { recursive: true });
    const file = path.join(folder, 'config.json');
    const fields = JSON.parse(await readFile(file, 'utf8')) as { quantization_config: object };
    const quantization_config = { ...fields.quantization_config, ...change };
    await writeFile(file, JSON.stringify({ ...fields, quantization_config }));
  };
  const weight = 'model.layers.0.self_attn.q_proj.weight';
  await config('gptq-asymmetric', { sym: true });
  const checkpoint = await Checkpoint.open(folder);
  await t.rejects(checkpoint.weight(weight, [64, 64]).load(), {
    message: /config.json says that they are symmetric/,
  });
  await checkpoint.close();
  await config('gptq-asymmetric', { sym: true, dynamic: { '+:.*': { sym: false } } });
  const ruled = await Checkpoint.open(folder);
  await t.resolves(ruled.weight(weight, [64, 64]).load(), 'rules for modules may say otherwise');
  await ruled.close();
  for (const [name, change, message] of [
    ['awq', { group_size: 16 }, /qkv|scales' has shape/],
    ['fp8-blocks', { weight_block_size: [64, 64] }, /weight_scale_inv' has shape/],
    ['fp8-blocks', { weight_block_size: [0, 64] }, /no pair of positive integers/],
    [
      'float-quantized-rows',
      { config_groups: { a: { targets: ['lm_head'], weights: { type: 'float' } } } },
      /does not name/,
    ],
    [
      'float-quantized-rows',
      { config_groups: { a: { targets: ['Linear'], weights: { type: 'int' } } } },
      /says int/,
    ],
    [
      'pack-quantized',
      { config_groups: { a: { targets: ['re:.*'], weights: { num_bits: 8 } } } },
      /weight_packed' has shape/,
    ],
    [
      'pack-quantized',
      { config_groups: { a: { targets: ['re:('], weights: { num_bits: 4 } } } },
      /is no regular expression/,
    ],
  ] as const) {
    await config(name, change);
    await t.rejects(Checkpoint.open(folder), { name: 'KvasirError', message }, JSON.stringify(change));
  }
  await config('pack-quantized', { kv_cache_scheme: { num_bits: 8, type: 'float' }, secret: 1 });
  const read = await ModelConfig.read(folder);
  await t.resolves(checkDecoder(folder));
  const { fields } = await checkDecoder(folder);
  t.match(fields, [/cache of quantized keys and values/, /secret is not known/]);
  t.equal(read.warnings.length, 0);
});

function isTileScale(name: string, part: string): boolean {
  return /^(fp8|fbgemm|float)/.test(name) && part.includes('weight_scale');
}

function same(one: Float32Array, other: Float32Array): boolean {
  return one.length === other.length && one.every((value, i) => value === other[i]);
}

async function readStored(file: string): Promise<Record<string, StoredTensor>> {
  const opened = await SafetensorsFile.open(file);
  try {
    const stored: Record<string, StoredTensor> = {};
    for (const [name, { type, shape, begin, end }] of opened.tensors)
      stored[name] = { type, shape, bytes: await opened.bytes(name, 0, end - begin) };
    return stored;
  } finally {
    await opened.close();
  }
}
