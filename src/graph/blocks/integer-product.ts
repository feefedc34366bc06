import type { ModelGraph } from '../model-graph.js';
import { int } from '../onnx/attributes.js';
import { DataType, type Value } from '../onnx/graph-builder.js';
import type { Matrix } from '../weights/matrix.js';

/** The step between two codes, as a share of their row's largest value. */
const STEP = 1 / 127;
const ZERO_CODE = 128;
/** Below this, a row's largest value is taken for it: nothing is divided by 0. */
const SMALLEST = 1e-30;

/**
 * `x Wᵀ` over the last axis, in 8-bit integers. Each row of `x` is quantized by its own largest value
 * (LLM.int8(), Dettmers et al. 2022), and not the whole batch by one, so that a text's result does not depend
 * on what it is batched with. Each row of `W` has a scale, too.
 *
 * Operator: com.microsoft.MatMulIntegerToFloat.
 *
 * @param x float32 `[..., columns]`
 * @param lastAxis of `x`: where there may be no rows, ONNX Runtime 1.29 reduces none along an axis that is
 * counted from the end.
 */
export function integerProduct(
  graph: ModelGraph,
  name: string,
  x: Value,
  matrix: Matrix,
  lastAxis = -1,
): Value {
  const weight = graph.perChannel(name, matrix);
  const { codes, largest } = graph.shared(`${x}.int8`, () =>
    quantizeActivations(graph, `${x}.int8`, x, lastAxis),
  );
  const product = graph.node({
    op: 'MatMulIntegerToFloat',
    domain: 'com.microsoft',
    inputs: [codes, weight.codes, step(graph), weight.scales, zeroCode(graph)],
    name: `${name}.product`,
  });
  return graph.node({ op: 'Mul', inputs: [product, largest], name });
}

/** Activations of which every row is quantized by its largest value. */
interface QuantizedRows {
  /** uint8 `[..., columns]`, in steps of {@link STEP} of the row's largest value. */
  readonly codes: Value;
  /** float32 `[..., 1]` */
  readonly largest: Value;
}

function quantizeActivations(graph: ModelGraph, name: string, x: Value, lastAxis: number): QuantizedRows {
  const axis = graph.shared(`int8.axis.${lastAxis}`, () =>
    graph.constant(`int8.axis.${lastAxis}`, [1], [lastAxis]),
  );
  const sizes = graph.node({ op: 'Abs', inputs: [x], name: `${name}.sizes` });
  const size = graph.node({
    op: 'ReduceMax',
    inputs: [sizes, axis],
    name: `${name}.size`,
    attributes: { keepdims: int(1) },
  });
  const smallest = scalar(graph, 'int8.smallest', SMALLEST);
  const largest = graph.node({ op: 'Max', inputs: [size, smallest], name: `${name}.largest` });
  const shares = graph.node({ op: 'Div', inputs: [x, largest], name: `${name}.shares` });
  const codes = graph.node({
    op: 'QuantizeLinear',
    inputs: [shares, step(graph), zeroCode(graph)],
    name: `${name}.codes`,
  });
  return { codes, largest };
}

function step(graph: ModelGraph): Value {
  return scalar(graph, 'int8.step', STEP);
}

function scalar(graph: ModelGraph, name: string, value: number): Value {
  return graph.shared(name, () => graph.constant(name, [], [value], DataType.FLOAT));
}

function zeroCode(graph: ModelGraph): Value {
  return graph.shared('int8.zero_code', () =>
    graph.initializer('int8.zero_code', DataType.UINT8, [], () => Uint8Array.of(ZERO_CODE)),
  );
}
