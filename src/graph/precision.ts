import type { ModelConfig } from './config.js';
import type { NumberFormat } from './model-graph.js';
import { DataType } from './onnx/graph-builder.js';
import { isQuantizedCheckpoint } from './quantized-checkpoint.js';

/**
 * In which numbers a model is stored and run: floats of 32 or 16 bits, or matrices of 8 or 4 bits between
 * floats. `w8a8` (a name of vLLM's) has 8-bit weights, too, but one scale for a whole row and one for each
 * token's activations: the processor then multiplies many tokens in integers throughout. The processor's
 * kernels have no bf16, CUDA's have no w8a8, and its attention has no f32. `stored` keeps what a checkpoint has
 * quantized as it is stored, and what it has in floats as floats of 32 bits.
 */
export const PRECISIONS = ['f32', 'f16', 'bf16', 'int8', 'w8a8', 'int4', 'stored'] as const;

export type Precision = (typeof PRECISIONS)[number];

/** 8 bits hardly differ from floats, so they need neither zero points nor small blocks. */
const INT8 = { bits: 8, blockSize: 64, symmetric: true, method: 'round-to-nearest' } as const;
/**
 * Kernels take an eighth less time in blocks of 64 than of 32; the method makes up for what that would lose.
 */
const INT4 = { bits: 4, blockSize: 64, symmetric: false, method: 'half-quadratic' } as const;
/** What is stored quantized in a way that graphs cannot run: 8 bits in small blocks lose next to nothing of it. */
export const REPACKED = { bits: 8, blockSize: 32, symmetric: true, method: 'round-to-nearest' } as const;

/**
 * The numbers of a graph by its precision. The vocabulary keeps 8 bits, since its errors go straight to the
 * logits.
 */
export const NUMBER_FORMATS: Readonly<Record<Precision, NumberFormat>> = {
  f32: { floats: DataType.FLOAT },
  f16: { floats: DataType.FLOAT16 },
  bf16: { floats: DataType.BFLOAT16 },
  int8: { floats: DataType.FLOAT, matrices: INT8, vocabulary: INT8 },
  // The mixture of experts has no kernel for tokens' scales.
  w8a8: { floats: DataType.FLOAT, matrices: INT8, vocabulary: INT8, w8a8: 'all layers' },
  // With errors of this size, one scale for a token changes nothing any more.
  int4: { floats: DataType.FLOAT, matrices: INT4, vocabulary: INT8, w8a8: 'head' },
  stored: { floats: DataType.FLOAT, matrices: REPACKED, vocabulary: REPACKED, asStored: true },
};

/** The precision of a folder for which none was asked: that of its weights where they are quantized. */
export function defaultPrecision(config: ModelConfig): Extract<Precision, 'f32' | 'stored'> {
  return isQuantizedCheckpoint(config) ? 'stored' : 'f32';
}

/** The same with 16-bit floats between quantized matrices, for devices whose attention takes nothing else. */
export function withHalfFloats(format: NumberFormat): NumberFormat {
  return format.floats === DataType.FLOAT ? { ...format, floats: DataType.FLOAT16, w8a8: undefined } : format;
}
