import type { NumberFormat } from './model-graph.js';
import { NUMBER_FORMATS, type Precision } from './precision.js';

/**
 * In which numbers an encoder is stored and run. `int8` multiplies 8-bit weights by 8-bit activations, which
 * is much faster than floats for the many tokens of a batch; `int4` only stores less, and `stored` what a
 * quantized checkpoint does.
 */
export const ENCODER_PRECISIONS = ['f32', 'int8', 'int4', 'stored'] as const satisfies readonly Precision[];

export type EncoderPrecision = (typeof ENCODER_PRECISIONS)[number];

/** The numbers in which an encoder's graph stores its weights and computes. */
export function encoderFormat(precision: EncoderPrecision): NumberFormat {
  if (precision !== 'int8') return NUMBER_FORMATS[precision];
  // A head's matrices are small, and its results are read as they are: they stay floats.
  const { matrices, ...format } = NUMBER_FORMATS.w8a8;
  return { ...format, experts: matrices };
}
