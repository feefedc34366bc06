import type { ModelConfig } from './config.js';

/** True where config.json says that weights are stored quantized. */
export function isQuantizedCheckpoint(config: ModelConfig): boolean {
  return config.has('quantization_config');
}

/**
 * Refuses weights that are stored quantized, whose tensors mean something else than their numbers.
 *
 * @throws KvasirError `unsupported_model`, naming the method
 */
export function refuseQuantized(config: ModelConfig): void {
  const section = config.section('quantization_config');
  if (section === undefined) return;
  const method = section.has('quant_method') ? section.string('quant_method') : 'a method that is not named';
  // Its folder points to a GGUF file, whose blocks are read.
  if (method === 'gguf') return;
  const format = section.has('format') ? ` in the format ${section.string('format')}` : '';
  config.unsupported(
    `its weights are quantized by ${method}${format} (quantization_config), which is not read: take the folder with weights in F32, F16 or BF16, which Kvasir quantizes itself (--precision)`,
  );
}
