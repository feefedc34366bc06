import { existsSync } from 'node:fs';
import path from 'node:path';
import { ModelConfig } from './config.js';
import { awq } from './weights/quantized/awq.js';
import { bitsandbytes } from './weights/quantized/bitsandbytes.js';
import { compressedTensors } from './weights/quantized/compressed-tensors.js';
import { fbgemmFp8, fp8 } from './weights/quantized/fp8.js';
import { gptq } from './weights/quantized/gptq.js';
import type { FindQuantized, QuantizationMethod } from './weights/quantized/method.js';
import { mxfp4 } from './weights/quantized/mxfp4.js';

/** Methods by their `quant_method`. */
const METHODS: Readonly<Record<string, QuantizationMethod>> = {
  gptq,
  awq,
  fp8,
  fbgemm_fp8: fbgemmFp8,
  'compressed-tensors': compressedTensors,
  bitsandbytes,
  mxfp4,
};

const FIELD = 'quantization_config';

/** True where config.json says that weights are stored quantized. */
export function isQuantizedCheckpoint(config: ModelConfig): boolean {
  return settingsOf(config) !== undefined;
}

/**
 * How quantized weights are found in a checkpoint; undefined where there are none, or a GGUF file has them.
 *
 * @throws KvasirError `unsupported_model`, naming the method, where it is not read or its settings are not
 */
export function quantizationOf(config: ModelConfig): FindQuantized | undefined {
  const settings = settingsOf(config);
  if (settings === undefined) return undefined;
  const name = settings.has('quant_method') ? settings.string('quant_method') : 'a method that is not named';
  if (name === 'gguf') return undefined;
  const method = Object.hasOwn(METHODS, name) ? METHODS[name] : undefined;
  if (method !== undefined) return method(settings);
  const known = Object.keys(METHODS).join(', ');
  return config.unsupported(
    `its weights are quantized by ${name} (${FIELD}), which is not read; ${known} are: take a folder of one of these, or with weights in F32, F16 or BF16, which Kvasir quantizes itself (--precision)`,
  );
}

/**
 * Refuses weights that are stored quantized in a way that is not read.
 *
 * @throws KvasirError as {@link quantizationOf}
 */
export function refuseQuantized(config: ModelConfig): void {
  quantizationOf(config);
}

/** {@link quantizationOf} of a folder; undefined, too, where it has no config.json. */
export async function folderQuantization(folder: string): Promise<FindQuantized | undefined> {
  if (!existsSync(path.join(folder, 'config.json'))) return undefined;
  return quantizationOf(await ModelConfig.read(folder));
}

/** Of what sees and writes, the settings may stand with what writes. */
function settingsOf(config: ModelConfig): ModelConfig | undefined {
  return config.section(FIELD) ?? config.section('text_config')?.section(FIELD);
}
