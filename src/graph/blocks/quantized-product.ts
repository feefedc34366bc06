import { int } from '../onnx/attributes.js';
import { NONE, type Value } from '../onnx/graph-builder.js';
import type { ModelGraph, QuantizedWeight } from '../model-graph.js';
import { packedColumns } from '../weights/packed-rows.js';
import { withBlockSums } from './block-sums.js';

/** `accuracy_level` that multiplies in 8-bit integers: activations are quantized by blocks on the way. */
const INT8_ACTIVATIONS = 4;

/**
 * `x Wᵀ + b` over the last axis. A matrix with columns for sums is multiplied by `x` and the sums of its blocks.
 *
 * Operator: com.microsoft.MatMulNBits.
 */
export function quantizedProduct(
  graph: ModelGraph,
  name: string,
  x: Value,
  { format, rows, columns, sumCopies, codes, scales, zeroPoints }: QuantizedWeight,
  bias?: Value,
): Value {
  const { blockSize } = format;
  const input = sumCopies === 0 ? x : withBlockSums(graph, x, columns, blockSize, sumCopies);
  return graph.node({
    op: 'MatMulNBits',
    domain: 'com.microsoft',
    inputs: [input, codes, scales, zeroPoints, ...(bias === undefined ? [] : [NONE, bias])],
    name,
    attributes: {
      K: int(packedColumns({ layout: format, sumCopies }, columns)),
      N: int(rows),
      bits: int(format.bits),
      block_size: int(blockSize),
      accuracy_level: int(INT8_ACTIVATIONS),
    },
  });
}
