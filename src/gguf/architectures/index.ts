import type { GgufFile } from '../reader.js';
import { DECODERS } from './decoders.js';
import { ENCODERS } from './encoders.js';
import { Fields } from './fields.js';
import { GEMMAS } from './gemma.js';
import type { GgufArchitecture, HuggingFaceModel, TensorRule, TensorSource } from './types.js';

export type { HuggingFaceModel, TensorSource } from './types.js';

const ARCHITECTURES: readonly GgufArchitecture[] = [...DECODERS, ...GEMMAS, ...ENCODERS];

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
  return { config, files, tensors: tensorSources(file, architecture, config) };
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
  file: GgufFile,
  { layers, once, ofLayer }: GgufArchitecture,
  config: Readonly<Record<string, unknown>>,
): Map<string, TensorSource> {
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
    for (const [name, source] of sourcesOf(file, tensor, shape, place, rule, config))
      sources.set(name, source);
  }
  return sources;
}

function sourcesOf(
  file: GgufFile,
  tensor: string,
  stored: readonly number[],
  place: string,
  { heads, isTransposed, added, leadingAxes = 0 }: TensorRule,
  config: Readonly<Record<string, unknown>>,
): [string, TensorSource][] {
  const pairedHeads =
    heads && (config[heads === 'queries' ? 'num_attention_heads' : 'num_key_value_heads'] as number);
  if (pairedHeads !== undefined && stored[0]! % (2 * pairedHeads) !== 0)
    throw file.metadata.invalid(`tensor '${tensor}' has ${stored[0]} rows for ${pairedHeads} heads`);
  const ones = Array<number>(Math.max(0, leadingAxes + 1 - stored.length)).fill(1);
  const shape = [...ones, ...(isTransposed ? stored.toReversed() : stored)];
  const changes = { pairedHeads, isTransposed, added };
  if (!place.includes('{expert}')) return [[place, { tensor, shape, ...changes }]];
  const [count, ...each] = shape as [number, ...number[]];
  return Array.from({ length: count }, (_, index) => [
    place.replace('{expert}', String(index)),
    { tensor, shape: each, slice: { index, of: count }, ...changes },
  ]);
}
