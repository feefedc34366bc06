import { int } from '../onnx/attributes.js';
import { NONE, type Value } from '../onnx/graph-builder.js';
import type { ModelGraph, QuantizedWeight } from '../model-graph.js';

/** `accuracy_level` that multiplies in 8-bit integers: activations are quantized by blocks on the way. */
const INT8_ACTIVATIONS = 4;

/** `x Wᵀ + b` over the last axis. Operator: com.microsoft.MatMulNBits. */
export function quantizedProduct(
  graph: ModelGraph,
  name: string,
  x: Value,
  { format, rows, columns, codes, scales, zeroPoints }: QuantizedWeight,
  bias?: Value,
): Value {
  return graph.node({
    op: 'MatMulNBits',
    domain: 'com.microsoft',
    inputs: [x, codes, scales, zeroPoints, ...(bias === undefined ? [] : [NONE, bias])],
    name,
    attributes: {
      K: int(columns),
      N: int(rows),
      bits: int(format.bits),
      block_size: int(format.blockSize),
      accuracy_level: int(INT8_ACTIVATIONS),
    },
  });
}
