import type { ModelConfig } from '../../config.js';
import { unpackRows, unpackStreams, unsigned, wordsFor } from './bit-stream.js';
import { wordsOf, type CheckpointTensors } from './checkpoint-tensors.js';
import { formOf } from './fp8.js';
import { groupedTensor } from './grouped-tensor.js';
import type { GroupedRows } from './grouped-matrix.js';
import type { FindQuantized, QuantizedTensor } from './method.js';
import { doubledCodes } from './mxfp4.js';
import { warnOfActivations, warnOfCache, warnOfUnknown } from './settings.js';
import { EIGHT_BIT_FLOATS } from './small-floats.js';
import { tiledFloats, type Tile } from './tiled-floats.js';

const FORMATS = [
  ...(['dense', 'pack-quantized', 'int-quantized', 'float-quantized', 'naive-quantized'] as const),
  ...(['nvfp4-pack-quantized', 'mxfp4-pack-quantized', 'mixed-precision'] as const),
];

/** Of the whole, what is known by the tensors, and how far the quantization has come. */
const HARMLESS = ['quant_method', 'ignore', 'global_compression_ratio', 'version', 'moe_sparsity_config'];
/** Of weights, how they were quantized. */
const HARMLESS_OF_WEIGHTS = ['dynamic', 'observer', 'observer_kwargs', 'actorder', 'scale_dtype', 'zp_dtype'];

/** Names of the same, one after the other. */
const ORDERED: readonly unknown[] = [true, 'dynamic', 'group'];

/** How modules of some names are quantized. */
interface Group {
  readonly targets: readonly (string | RegExp)[];
  readonly bits: number;
  readonly isFloat: boolean;
  readonly symmetric: boolean;
  readonly tile: Tile;
  /** True if columns may be in any order. */
  readonly ordersColumns: boolean;
}

/** compressed-tensors, as llm-compressor and vLLM have it; what is not quantized is known by the tensors. */
export function compressedTensors(settings: ModelConfig): FindQuantized {
  settings.choice('format', FORMATS);
  if (settings.has('quantization_status')) settings.choice('quantization_status', ['compressed', 'frozen']);
  const sparsity = settings.section('sparsity_config');
  if (sparsity?.has('format')) sparsity.choice('format', ['dense']);
  const transforms = settings.section('transform_config')?.section('config_groups');
  if (transforms !== undefined && transforms.names.length > 0)
    settings.unsupported('transforms of activations (transform_config) are not read');
  if (settings.has('kv_cache_scheme')) warnOfCache(settings);
  const sections = settings.section('config_groups') ?? settings.invalid('config_groups is missing');
  const groups = sections.names.flatMap(
    name => groupOf(sections.section(name) ?? sections.invalid(`${name} is null`)) ?? [],
  );
  warnOfUnknown(settings, HARMLESS);
  return tensors => findCompressed(tensors, groups);
}

/** Undefined for a group that has no weights. */
function groupOf(section: ModelConfig): Group | undefined {
  if (section.has('format')) section.choice('format', FORMATS);
  for (const part of ['input_activations', 'output_activations']) {
    const activations = section.section(part);
    if (activations !== undefined)
      warnOfActivations(section, `${part} of ${activations.size('num_bits', 8)} bits`);
  }
  const weights = section.section('weights');
  if (weights === undefined) return undefined;
  const group = {
    targets: section
      .strings('targets')
      .map(target => (target.startsWith('re:') ? patternOf(section, target.slice(3)) : target)),
    bits: weights.size('num_bits', 8, 8),
    isFloat: weights.choice('type', ['int', 'float'], 'int') === 'float',
    symmetric: weights.flag('symmetric', true),
    tile: tileOf(weights),
    ordersColumns: ORDERED.includes(weights.value('actorder')),
  };
  warnOfUnknown(weights, HARMLESS_OF_WEIGHTS);
  warnOfUnknown(section, []);
  return group;
}

function tileOf(weights: ModelConfig): Tile {
  const groupSize = weights.has('group_size') ? weights.finite('group_size') : -1;
  const strategy = weights.choice(
    'strategy',
    ['tensor', 'channel', 'group', 'tensor_group', 'block'],
    groupSize > 0 ? 'group' : groupSize === -1 && weights.has('group_size') ? 'channel' : 'tensor',
  );
  if (strategy === 'tensor') return { rows: Infinity, columns: Infinity };
  if (strategy === 'channel') return { rows: 1, columns: Infinity };
  if (strategy !== 'block') return { rows: 1, columns: weights.size('group_size') };
  const [rows = 0, columns = 0] = weights.numbers('block_structure');
  if (![rows, columns].every(size => Number.isSafeInteger(size) && size > 0))
    weights.invalid('block_structure is no pair of positive integers');
  return { rows, columns };
}

async function findCompressed(
  tensors: CheckpointTensors,
  groups: readonly Group[],
): Promise<Map<string, QuantizedTensor>> {
  const found = new Map<string, QuantizedTensor>();
  for (const scales of tensors.names.filter(name => name.endsWith('.weight_scale'))) {
    const module = scales.slice(0, -'.weight_scale'.length);
    const group = matching(groups, module);
    if (group === undefined)
      throw tensors.invalid(scales, 'belongs to a module that config_groups does not name');
    const tensor = await compressed(tensors, module, group);
    const unread = [
      'input_scale',
      'input_zero_point',
      'input_global_scale',
      'output_scale',
      'output_zero_point',
      // Some have them where all are 0.
      ...(group.symmetric ? ['weight_zero_point'] : []),
    ]
      .map(part => `${module}.${part}`)
      .filter(part => tensors.find(part) !== undefined);
    found.set(`${module}.weight`, { ...tensor, tensors: [...tensor.tensors, ...unread] });
  }
  return found;
}

/** Tests a module's name by a pattern of Python's, from its beginning on. */
function patternOf(settings: ModelConfig, pattern: string): RegExp {
  try {
    return new RegExp(`^(?:${pattern})`);
  } catch {
    return settings.unsupported(`the target '${pattern}' is no regular expression that is understood`);
  }
}

/** The group that names a module, or a pattern of its name, before one for its class. */
function matching(groups: readonly Group[], module: string): Group | undefined {
  const className = /(^|\.)(\w*embed\w*|wte)$/.test(module) ? 'Embedding' : 'Linear';
  return (
    groups.find(({ targets }) =>
      targets.some(target => (typeof target === 'string' ? target === module : target.test(module))),
    ) ?? groups.find(({ targets }) => targets.includes(className))
  );
}

async function compressed(
  tensors: CheckpointTensors,
  module: string,
  group: Group,
): Promise<QuantizedTensor> {
  const packed = tensors.find(`${module}.weight_packed`);
  if (packed !== undefined)
    return packed.type === 'I32'
      ? packedIntegers(tensors, module, group)
      : fourBitFloats(tensors, module, group);
  const weight = `${module}.weight`;
  const scales = `${module}.weight_scale`;
  const shape = tensors.find(weight)?.shape ?? [];
  const { type } = tensors.require(weight, ['I8', 'F8_E4M3'], shape, scales);
  if ((type === 'I8') === group.isFloat)
    throw tensors.invalid(weight, `is ${type}, but config.json says ${group.isFloat ? 'float' : 'int'}`);
  if (type === 'I8') return plainIntegers(tensors, module, group);
  if (!group.symmetric) throw tensors.unsupported(weight, 'is FP8 with zero points, which is not read');
  tensors.requireFloats(scales, tensors.find(scales)!.shape, weight);
  return tiledFloats(tensors, `FP8 ${formOf(group.tile)}`, weight, scales, group.tile);
}

/** Codes of few bits in words. */
async function packedIntegers(
  tensors: CheckpointTensors,
  module: string,
  { bits, isFloat, symmetric, tile, ordersColumns }: Group,
): Promise<QuantizedTensor> {
  const [codes, scales, shapes, zeros, order] = ['packed', 'scale', 'shape', 'zero_point', 'g_idx'].map(
    part => `${module}.weight_${part}`,
  ) as [string, string, string, string, string];
  if (isFloat) throw tensors.invalid(codes, 'is I32, but config.json says float');
  tensors.require(shapes, ['I64', 'I32'], [2], codes);
  const [rows, columns] = (await tensors.integers(shapes)) as [number, number];
  if (![rows, columns].every(size => size > 0)) throw tensors.invalid(shapes, 'is no shape of a matrix');
  tensors.require(codes, ['I32'], [rows, wordsFor(columns, bits)], codes);
  const { groupSize, groups } = groupsOf(tensors, scales, codes, tile, columns, rows);
  if (!symmetric) tensors.require(zeros, ['I32'], [wordsFor(rows, bits), groups], codes);
  if (ordersColumns) tensors.require(order, ['I32', 'I64'], [columns], codes);
  const groupOf = tensors.find(order) && (await tensors.integers(order));
  if (
    groupOf?.length !== undefined &&
    (groupOf.length !== columns || groupOf.some(group => group < 0 || group >= groups))
  )
    throw tensors.invalid(order, `does not name one of ${groups} groups for each of ${columns} columns`);
  const isOrdered = groupOf?.every((group, i) => group === Math.floor(i / groupSize)) ?? true;
  const parts = [
    codes,
    scales,
    shapes,
    ...(symmetric ? [] : [zeros]),
    ...(groupOf === undefined ? [] : [order]),
  ];
  return groupedTensor(`${bits} bits`, parts, {
    rows,
    columns,
    bits,
    groupSize,
    groupOf: isOrdered ? undefined : groupOf,
    symmetric,
    async read(first, last): Promise<GroupedRows> {
      const count = last - first;
      return {
        codes: unpackRows(wordsOf(await tensors.rows(codes, first, last)), count, columns, bits),
        scales: await rowScales(tensors, scales, first, last),
        zeroPoints: symmetric
          ? undefined
          : await packedZeros(tensors, zeros, groups, rows, bits, first, last),
      };
    },
  });
}

/** Zero points, whose rows are packed one behind the other, of some rows. */
async function packedZeros(
  tensors: CheckpointTensors,
  name: string,
  groups: number,
  rows: number,
  bits: number,
  first: number,
  last: number,
): Promise<Uint8Array> {
  const byGroup = unpackStreams(wordsOf(await tensors.rows(name)), groups, rows, bits);
  const result = new Uint8Array((last - first) * groups);
  for (let row = first, i = 0; row < last; row++)
    for (let group = 0; group < groups; group++, i++) result[i] = byGroup[group * rows + row]!;
  return result;
}

/** Codes of a byte each. */
function plainIntegers(
  tensors: CheckpointTensors,
  module: string,
  { bits, symmetric, tile }: Group,
): QuantizedTensor {
  const [codes, scales, zeros] = ['weight', 'weight_scale', 'weight_zero_point'].map(
    part => `${module}.${part}`,
  ) as [string, string, string];
  const [rows, columns] = tensors.require(codes, ['I8'], [undefined, undefined], scales).shape as [
    number,
    number,
  ];
  const { groupSize, groups, isWhole } = groupsOf(tensors, scales, codes, tile, columns, rows);
  const zeroShape = tensors.find(scales)!.shape;
  if (!symmetric) tensors.require(zeros, ['I8'], zeroShape, codes);
  return groupedTensor(`${bits} bits`, [codes, scales, ...(symmetric ? [] : [zeros])], {
    rows,
    columns,
    bits: 8,
    groupSize,
    symmetric,
    async read(first, last): Promise<GroupedRows> {
      const zeroBytes = async (): Promise<Uint8Array> => {
        if (isWhole) return new Uint8Array(last - first).fill((await tensors.rows(zeros))[0]!);
        return tensors.bytes(zeros, first * groups, last * groups);
      };
      return {
        codes: unsigned(await tensors.rows(codes, first, last)),
        scales: await rowScales(tensors, scales, first, last),
        zeroPoints: symmetric ? undefined : unsigned(await zeroBytes()),
      };
    },
  });
}

/** Floats of 4 bits: NVFP4, whose scales have a scale of the whole matrix, and MXFP4. */
function fourBitFloats(
  tensors: CheckpointTensors,
  module: string,
  { bits, isFloat, symmetric, tile }: Group,
): QuantizedTensor {
  const [codes, scales, overall] = ['packed', 'scale', 'global_scale'].map(
    part => `${module}.weight_${part}`,
  ) as [string, string, string];
  if (!isFloat || bits !== 4 || !symmetric || tile.rows !== 1)
    throw tensors.unsupported(codes, 'is not of 4 bits (float) in groups: it is not read');
  const [rows, width] = tensors.require(codes, ['U8'], [undefined, undefined], scales).shape as [
    number,
    number,
  ];
  const columns = 2 * width;
  const groupSize = Math.min(tile.columns, columns);
  const groups = Math.ceil(columns / groupSize);
  const hasOverall = tensors.find(overall) !== undefined;
  const type = hasOverall ? 'F8_E4M3' : 'U8';
  tensors.require(scales, [type], [rows, groups], codes);
  if (hasOverall) tensors.require(overall, ['F32'], [1], codes);
  const table = hasOverall ? EIGHT_BIT_FLOATS.F8_E4M3 : EIGHT_BIT_FLOATS.F8_E8M0;
  return groupedTensor(hasOverall ? 'NVFP4' : 'MXFP4', [codes, scales, ...(hasOverall ? [overall] : [])], {
    rows,
    columns,
    bits: 8,
    groupSize,
    symmetric: true,
    async read(first, last): Promise<GroupedRows> {
      const divisor = hasOverall ? (await tensors.allFloats(overall))[0]! : 1;
      const factors = Float32Array.from(
        await tensors.rows(scales, first, last),
        byte => table[byte]! / divisor / 2,
      );
      tensors.requireFinite(scales, factors);
      return { codes: doubledCodes(await tensors.rows(codes, first, last)), scales: factors };
    },
  });
}

/** Groups of columns, and whether there is one scale for the whole matrix. */
function groupsOf(
  tensors: CheckpointTensors,
  scales: string,
  codes: string,
  tile: Tile,
  columns: number,
  rows: number,
): { readonly groupSize: number; readonly groups: number; readonly isWhole: boolean } {
  if (tile.rows !== 1 && tile.rows !== Infinity)
    throw tensors.unsupported(codes, 'has integers in blocks of several rows, which are not read');
  const isWhole = tile.rows === Infinity;
  const groupSize = Math.min(tile.columns, columns);
  const groups = Math.ceil(columns / groupSize);
  const { shape } = tensors.find(scales)!;
  tensors.requireFloats(
    scales,
    isWhole ? (shape.length === 0 ? [] : shape.map(() => 1)) : [rows, groups],
    codes,
  );
  return { groupSize, groups, isWhole };
}

/** Scales of rows; one of the whole matrix is each row's. */
async function rowScales(
  tensors: CheckpointTensors,
  name: string,
  first: number,
  last: number,
): Promise<Float32Array> {
  const { shape } = tensors.find(name)!;
  const all = shape.reduce((product, size) => product * size, 1);
  if (all === 1) return new Float32Array(last - first).fill((await tensors.allFloats(name))[0]!);
  return tensors.floats(name, await tensors.rows(name, first, last));
}
