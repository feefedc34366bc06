import { int } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, NONE, type Value } from '../onnx/graph-builder.js';
import { blockBytes, blocksPerRow, zeroPointBytes, type BlockFormat } from '../quantization/block-format.js';
import { quantize } from '../quantization/quantize.js';
import type { Matrix } from '../weights/matrix.js';

/** A quantized matrix in a graph. */
export interface QuantizedWeight {
  readonly format: BlockFormat;
  readonly rows: number;
  readonly columns: number;
  /** uint8 `[rows, blocks, block bytes]` */
  readonly codes: Value;
  /** `[rows, blocks]` */
  readonly scales: Value;
  /** uint8 `[rows, bytes]`, or left out where the format is symmetric. */
  readonly zeroPoints: Value;
}

/** Adds a matrix in a block format. It is quantized when the graph is saved. */
export function quantizedWeight(
  graph: ModelGraph,
  name: string,
  matrix: Matrix,
  format: BlockFormat,
): QuantizedWeight {
  const { rows, columns } = matrix;
  const blocks = blocksPerRow(format, columns);
  const quantized = sharedBy(format.symmetric ? 2 : 3, () =>
    quantize(matrix, format, scale => graph.round(scale)),
  );
  const codesShape = [rows, blocks, blockBytes(format)];
  const codes = graph.initializer(
    `${name}.weight`,
    DataType.UINT8,
    codesShape,
    async () => (await quantized()).codes,
  );
  const scales = graph.floats(`${name}.scales`, [rows, blocks], async () => (await quantized()).scales);
  const zeroPoints = format.symmetric
    ? NONE
    : graph.initializer(
        `${name}.zero_points`,
        DataType.UINT8,
        [rows, zeroPointBytes(format, columns)],
        async () => (await quantized()).zeroPoints!,
      );
  return { format, rows, columns, codes, scales, zeroPoints };
}

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

/** Makes a value when it is first asked for, and drops it when it was asked for `times` times. */
function sharedBy<T>(times: number, make: () => Promise<T>): () => Promise<T> {
  let value: Promise<T> | undefined;
  let left = times;
  return () => {
    const current = (value ??= make());
    if (--left === 0) value = undefined;
    return current;
  };
}
