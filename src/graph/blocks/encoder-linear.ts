import type { EncoderGraph } from '../encoder-graph.js';
import { int } from '../onnx/attributes.js';
import { DataType, type Value } from '../onnx/graph-builder.js';
import { quantizeRows, weightBits, type RowScaledMatrix } from '../quantization/row-scales.js';
import type { Matrix } from '../weights/matrix.js';
import { linear, type Bias } from './linear.js';

/** Largest distance of an activation's code from that of 0, which is 128. */
const LARGEST_CODE = 127;
const ZERO_CODE = 128;
/** Below this, a row's largest value is taken for it: nothing is divided by 0. */
const SMALLEST = 1e-30;

/**
 * A fully connected layer of an encoder, `y = x Wᵀ + b`, in the graph's numbers.
 *
 * In integers, each row of `x` is quantized by its own largest value (LLM.int8(), Dettmers et al. 2022), and not the whole batch by one, so
 * that a text's result does not depend on what it is batched with. Each row of `W` has a scale, too.
 *
 * Operator: com.microsoft.MatMulIntegerToFloat.
 *
 * @param x `[rows, columns]`
 */
export function encoderLinear(
  graph: EncoderGraph,
  name: string,
  x: Value,
  matrix: Matrix,
  bias?: Bias,
): Value {
  if (!graph.integers) return linear(graph, name, x, matrix, bias);
  const { rows, columns } = matrix;
  let quantized: Promise<RowScaledMatrix> | undefined;
  const weight = graph.initializer(`${name}.weight`, DataType.INT8, [columns, rows], async () => {
    quantized = quantizeRows(matrix, 2 ** (weightBits() - 1) - 1);
    return new Uint8Array((await quantized).codes.buffer);
  });
  // Saved after the codes.
  const weightScales = graph.initializer(`${name}.scales`, DataType.FLOAT, [rows], async () => {
    const { scales } = await quantized!;
    quantized = undefined;
    return scales;
  });
  const { codes, scales } = graph.shared(`${x}.int8`, () => quantizeActivations(graph, `${x}.int8`, x));
  const product = graph.node({
    op: 'MatMulIntegerToFloat',
    domain: 'com.microsoft',
    inputs: [codes, weight, unit(graph), weightScales, zeroCode(graph)],
    name: `${name}.product`,
  });
  const scaled = graph.node({ op: 'Mul', inputs: [product, scales], name });
  if (bias === undefined) return scaled;
  const vector = graph.floats(`${name}.bias`, [bias.size], () => bias.load());
  return graph.node({ op: 'Add', inputs: [scaled, vector], name: `${name}.biased` });
}

/** Activations of which every row is quantized by a scale of its own: uint8 `[rows, columns]` and float32 `[rows, 1]`. */
interface QuantizedRows {
  readonly codes: Value;
  readonly scales: Value;
}

function quantizeActivations(graph: EncoderGraph, name: string, x: Value): QuantizedRows {
  const constant = (suffix: string, value: number): Value =>
    graph.shared(`int8.${suffix}`, () => graph.constant(`int8.${suffix}`, [], [value], DataType.FLOAT));
  const axis = graph.shared('int8.axis', () => graph.constant('int8.axis', [1], [-1]));
  const sizes = graph.node({ op: 'Abs', inputs: [x], name: `${name}.sizes` });
  const largest = graph.node({
    op: 'ReduceMax',
    inputs: [sizes, axis],
    name: `${name}.largest`,
    attributes: { keepdims: int(1) },
  });
  const safe = graph.node({
    op: 'Max',
    inputs: [largest, constant('smallest', SMALLEST)],
    name: `${name}.safe`,
  });
  const limit = constant('largest_code', LARGEST_CODE);
  const factor = graph.node({ op: 'Div', inputs: [limit, safe], name: `${name}.factor` });
  const stretched = graph.node({ op: 'Mul', inputs: [x, factor], name: `${name}.stretched` });
  return {
    codes: graph.node({
      op: 'QuantizeLinear',
      inputs: [stretched, unit(graph), zeroCode(graph)],
      name: `${name}.codes`,
    }),
    scales: graph.node({ op: 'Div', inputs: [safe, limit], name: `${name}.scales` }),
  };
}

function unit(graph: EncoderGraph): Value {
  return graph.shared('int8.unit', () => graph.constant('int8.unit', [], [1], DataType.FLOAT));
}

function zeroCode(graph: EncoderGraph): Value {
  return graph.shared('int8.zero_code', () =>
    graph.initializer('int8.zero_code', DataType.UINT8, [], () => Uint8Array.of(ZERO_CODE)),
  );
}
