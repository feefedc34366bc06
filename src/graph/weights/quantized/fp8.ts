import type { ModelConfig } from '../../config.js';
import type { CheckpointTensors } from './checkpoint-tensors.js';
import type { FindQuantized, QuantizedTensor } from './method.js';
import { warnOfActivations, warnOfUnknown } from './settings.js';
import { isEightBitFloat } from './small-floats.js';
import { EIGHT_BIT_WEIGHTS, tiledFloats, type Tile } from './tiled-floats.js';

/** Settings of what is stored in floats, which the tensors tell, and of how it is run. */
const HARMLESS = [
  ...['quant_method', 'modules_to_not_convert', 'ignored_layers', 'modules_to_convert', 'fmt', 'dequantize'],
  ...['kv_cache_scheme', 'scale_fmt', 'linear_impl', 'activation_scale_ub', 'is_checkpoint_fp8_serialized'],
];

const WHOLE: Tile = { rows: Infinity, columns: Infinity };
const ROW: Tile = { rows: 1, columns: Infinity };

/**
 * FP8 as DeepSeek-V3 publishes it (arXiv:2412.19437), and Qwen and Mistral do: beside `NAME` stands `NAME_scale_inv`,
 * which its blocks, or the whole matrix, are multiplied by; AutoFP8 calls it `NAME_scale`.
 */
export function fp8(settings: ModelConfig): FindQuantized {
  if (settings.has('expert_dtype') && settings.string('expert_dtype') !== 'fp8')
    settings.unsupported(`experts in ${settings.string('expert_dtype')} are not read; in fp8 they are`);
  const tile = blockOf(settings) ?? WHOLE;
  if (settings.has('activation_scheme') && settings.string('activation_scheme') === 'static')
    warnOfActivations(settings, 'activation_scheme static');
  warnOfUnknown(settings, HARMLESS);
  return tensors => findScaled(tensors, ['_scale_inv', '_scale'], tile, ['activation_scale', 'input_scale']);
}

/** FP8 by rows as FBGEMM has it: beside `NAME` stands `NAME_scale`. */
export function fbgemmFp8(settings: ModelConfig): FindQuantized {
  warnOfUnknown(settings, HARMLESS);
  return tensors => findScaled(tensors, ['_scale'], ROW, ['input_scale_ub']);
}

function blockOf(settings: ModelConfig): Tile | undefined {
  if (!settings.has('weight_block_size')) return undefined;
  const [rows = 0, columns = 0, ...more] = settings.numbers('weight_block_size');
  if (![rows, columns].every(size => Number.isSafeInteger(size) && size > 0) || more.length > 0)
    settings.invalid('weight_block_size is no pair of positive integers');
  return { rows, columns };
}

async function findScaled(
  tensors: CheckpointTensors,
  endings: readonly string[],
  tile: Tile,
  inputScales: readonly string[],
): Promise<Map<string, QuantizedTensor>> {
  const found = new Map<string, QuantizedTensor>();
  for (const name of tensors.names.filter(name => isEightBitFloat(tensors.find(name)!.type))) {
    if (endings.some(ending => name.endsWith(ending))) continue;
    tensors.require(name, EIGHT_BIT_WEIGHTS, tensors.find(name)!.shape, name);
    const names = endings.map(ending => `${name}${ending}`);
    const scales = names.find(scales => tensors.find(scales) !== undefined) ?? names[0]!;
    tensors.requireFloats(scales, tensors.find(scales)?.shape ?? [], name);
    const tensor = tiledFloats(tensors, `FP8 ${formOf(tile)}`, name, scales, tile);
    const module = name.slice(0, name.lastIndexOf('.'));
    const inputs = inputScales.map(part => `${module}.${part}`).filter(part => tensors.find(part));
    found.set(name, { ...tensor, tensors: [...tensor.tensors, ...inputs] });
  }
  return found;
}

/** How people call a tile. */
export function formOf({ rows, columns }: Tile): string {
  if (rows === 1) return columns === Infinity ? 'by rows' : `in groups of ${columns}`;
  return rows === Infinity ? 'by matrices' : `in blocks of ${rows} × ${columns}`;
}
