import { int } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, NONE, type Value } from '../onnx/graph-builder.js';

/**
 * `x`, followed by the sum of each block of its last axis, so many times: the input of a matrix whose blocks have
 * minimums. The sums are a product with a matrix of ones and zeros, in 8-bit integers as the products that it is made
 * for: that takes an operator for whatever axes `x` has, and adds what those add, rounded as they round it.
 *
 * Operators: com.microsoft.MatMulNBits, Concat.
 *
 * @param x `[..., columns]`
 */
export function withBlockSums(
  graph: ModelGraph,
  x: Value,
  columns: number,
  blockSize: number,
  copies: number,
): Value {
  const sums = graph.shared(`${x}.sums.${blockSize}`, () => blockSums(graph, x, columns, blockSize));
  const name = `${x}.with_sums.${blockSize}.${copies}`;
  return graph.shared(name, () =>
    graph.node({
      op: 'Concat',
      inputs: [x, ...Array<Value>(copies).fill(sums)],
      name,
      attributes: { axis: int(-1) },
    }),
  );
}

/** The codes 8 and 9 of 4 bits: 0 and 1 where the zero point is in the middle. */
const ZEROS = 0x88;
const ONES = 0x99;

function blockSums(graph: ModelGraph, x: Value, columns: number, blockSize: number): Value {
  const blocks = columns / blockSize;
  const name = `block_sums.${columns}.${blockSize}`;
  const [codes, scales] = graph.shared(name, () => [
    graph.initializer(`${name}.weight`, DataType.UINT8, [blocks, blocks, blockSize / 2], () => {
      const bytes = new Uint8Array((blocks * columns) / 2).fill(ZEROS);
      for (let block = 0; block < blocks; block++) {
        const begin = (block * (columns + blockSize)) / 2;
        bytes.fill(ONES, begin, begin + blockSize / 2);
      }
      return bytes;
    }),
    graph.floats(`${name}.scales`, [blocks, blocks], () => new Float32Array(blocks ** 2).fill(1)),
  ]);
  return graph.node({
    op: 'MatMulNBits',
    domain: 'com.microsoft',
    inputs: [x, codes, scales, NONE],
    name: `${x}.sums.${blockSize}`,
    attributes: {
      K: int(columns),
      N: int(blocks),
      bits: int(4),
      block_size: int(blockSize),
      accuracy_level: int(4),
    },
  });
}
