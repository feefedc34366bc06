import type { Precision } from '#graph/precision.js';
import type { OnnxFile } from './onnx-file.js';
import { DataType } from './onnx-file.js';

/** How a model is run. */
export interface RunPath {
  /**
   * `built`: a graph that Kvasir wrote from the weights; a decoder's fills its cache in place. Of ready-made
   * decoders, `in-place` does the same, and `growing` copies past and present at every step. `ready-made`: an
   * encoder that somebody else exported.
   */
  readonly kind: 'built' | 'in-place' | 'growing' | 'ready-made';
  /**
   * What its weights are stored as: one of Kvasir's precisions, or what a ready-made graph has most of, such
   * as `f16` or `int4`.
   */
  readonly precision: string;
  /** Why, for people. */
  readonly reason: string;
}

/** Precisions by the element types that they are stored in. */
const STORED: Partial<Record<DataType, Precision>> = { [DataType.FLOAT]: 'f32', [DataType.FLOAT16]: 'f16' };

/**
 * What most of a ready-made graph's weights are stored as. Packed integers look like bytes, so the operators
 * that unpack them tell.
 */
export function storedPrecision({ nodes, weights }: Pick<OnnxFile, 'nodes' | 'weights'>): string {
  const product = nodes.find(({ opType }) => opType === 'MatMulNBits');
  const bits = product?.attribute.find(({ name }) => name === 'bits')?.i;
  if (product !== undefined) return `int${bits ?? 4n}`;
  const bytes = new Map<DataType, number>();
  for (const { type, bytes: more } of weights) bytes.set(type, (bytes.get(type) ?? 0) + more);
  const [most] = [...bytes].sort(([, a], [, b]) => b - a);
  if (most === undefined) return 'unknown';
  return STORED[most[0]] ?? DataType[most[0]].toLowerCase();
}
