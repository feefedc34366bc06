import type { GgufFile } from '../reader.js';
import { DECODERS } from './decoders.js';
import { ENCODERS } from './encoders.js';
import { Fields } from './fields.js';
import { FAR_FROM_LLAMA } from './far-from-llama.js';
import { GEMMAS } from './gemma.js';
import { NEAR_LLAMA } from './near-llama.js';
import { byKinds, inPairs } from './row-order.js';
import type { GgufArchitecture, HuggingFaceModel, RowOrder, TensorRule, TensorSource } from './types.js';

export type { HuggingFaceModel, TensorSource } from './types.js';

const ARCHITECTURES: readonly GgufArchitecture[] = [
  ...DECODERS,
  ...NEAR_LLAMA,
  ...FAR_FROM_LLAMA,
  ...GEMMAS,
  ...ENCODERS,
];

/** Tensors that are settings: factors of rotary positions. */
const SETTINGS = ['rope_freqs.weight', 'rope_factors_long.weight', 'rope_factors_short.weight'];
/** More factors than a head has features are none. */
const LONGEST_SETTING = 2 ** 16;

const TYPES_IN_FLOATS = ['F32', 'F16', 'BF16'];

/**
 * A GGUF file in the terms of a Hugging Face folder: what its config.json would be, and which tensor is which.
 *
 * @throws KvasirError `unsupported_model` for architectures, settings and tensors that are not known, by their names;
 * `invalid_model` where keys or tensors are missing, or contradict one another
 */
export async function huggingFaceModel(file: GgufFile): Promise<HuggingFaceModel> {
  const { metadata } = file;
  const name = metadata.string('general.architecture');
  const architecture = ARCHITECTURES.find(({ names }) => names.includes(name));
  if (architecture === undefined)
    throw metadata.unsupported(
      `its architecture '${name}' is not read; ${ARCHITECTURES.flatMap(({ names }) => names).join(', ')} are`,
    );
  const fields = new Fields(file, name, await settingsOf(file));
  const config = {
    ...architecture.config(fields),
    vocab_size: fields.shape('token_embd.weight')[0],
    ...tokenIds(file),
    ...(isQuantized(file) && { quantization_config: { quant_method: 'gguf' } }),
  };
  const files = architecture.files?.(fields) ?? new Map<string, string>();
  fields.refuseUnread();
  return { config, files, tensors: tensorSources(fields, architecture) };
}

/** The settings of a file that it has as tensors, by their names. */
async function settingsOf(file: GgufFile): Promise<ReadonlyMap<string, readonly number[]>> {
  const settings = new Map<string, readonly number[]>();
  for (const name of SETTINGS) {
    const tensor = file.tensors.get(name);
    if (tensor === undefined) continue;
    if (tensor.type !== 'F32' || tensor.bytes > 4 * LONGEST_SETTING)
      throw file.metadata.unsupported(`tensor '${name}' is ${tensor.type} [${tensor.shape.join(', ')}]`);
    const values = [...new Float32Array((await file.read(name)).buffer)];
    if (!values.every(value => Number.isFinite(value) && value > 0))
      throw file.metadata.invalid(`tensor '${name}' has factors that are not positive`);
    settings.set(name, values);
  }
  return settings;
}

/** What config.json says of special tokens. */
function tokenIds({ metadata }: GgufFile): Record<string, number> {
  const ids = ['bos', 'eos', 'pad'].flatMap(role => {
    const key = `tokenizer.ggml.${role === 'pad' ? 'padding' : role}_token_id`;
    return metadata.has(key) ? [[`${role}_token_id`, metadata.count(key)] as const] : [];
  });
  return Object.fromEntries(ids);
}

function isQuantized({ tensors }: GgufFile): boolean {
  return [...tensors.values()].some(({ type }) => !TYPES_IN_FLOATS.includes(type));
}

/** @throws KvasirError `unsupported_model` for a tensor that no rule knows */
function tensorSources(
  fields: Fields,
  { layers, once, ofLayer }: GgufArchitecture,
): Map<string, TensorSource> {
  const { file } = fields;
  const sources = new Map<string, TensorSource>();
  const rulesOnce = new Map(once.map(rule => [rule.from, rule]));
  const rulesOfLayer = new Map(ofLayer.map(rule => [rule.from, rule]));
  for (const [tensor, { shape }] of file.tensors) {
    if (SETTINGS.includes(tensor)) continue;
    const [, layer, inLayer = ''] = /^blk\.(\d+)\.(.+)$/.exec(tensor) ?? [];
    const rule = layer === undefined ? rulesOnce.get(tensor) : rulesOfLayer.get(inLayer);
    if (rule === undefined)
      throw file.metadata.unsupported(
        `it has a tensor '${tensor}' that is not known of its architecture, and may change results`,
      );
    const place = layer === undefined ? rule.to : `${layers}.${layer}.${rule.to}`;
    for (const [name, source] of sourcesOf(fields, tensor, shape, place, rule)) sources.set(name, source);
  }
  return sources;
}

function sourcesOf(
  fields: Fields,
  tensor: string,
  stored: readonly number[],
  place: string,
  { heads, isTransposed, added, leadingAxes = 0 }: TensorRule,
): [string, TensorSource][] {
  const ones = Array<number>(Math.max(0, leadingAxes + 1 - stored.length)).fill(1);
  const shape = [...ones, ...(isTransposed ? stored.toReversed() : stored)];
  const changes = { rowOrder: rowOrderOf(fields, tensor, stored, heads), isTransposed, added };
  if (!place.includes('{expert}')) return [[place, { tensor, shape, ...changes }]];
  const [count, ...each] = shape as [number, ...number[]];
  return Array.from({ length: count }, (_, index) => [
    place.replace('{expert}', String(index)),
    { tensor, shape: each, slice: { index, of: count }, ...changes },
  ]);
}

/** @throws KvasirError `invalid_model` where a tensor's rows are not those of so many heads */
function rowOrderOf(
  fields: Fields,
  tensor: string,
  [rows = 0]: readonly number[],
  whose: TensorRule['heads'],
): RowOrder | undefined {
  if (whose === undefined) return undefined;
  const heads = fields.size('attention.head_count');
  const kvHeads = fields.size('attention.head_count_kv', heads);
  const count = { queries: heads, keys: kvHeads, all: heads + 2 * kvHeads }[whose];
  const unit = whose === 'all' ? 1 : 2;
  if (rows % (unit * count) !== 0)
    throw fields.file.metadata.invalid(`tensor '${tensor}' has ${rows} rows for ${count} heads`);
  return whose === 'all' ? byKinds(heads, kvHeads, rows / count) : inPairs(rows / count);
}
