import type { ModelGraph } from '../model-graph.js';
import { int } from '../onnx/attributes.js';
import { DataType, type Value } from '../onnx/graph-builder.js';
import type { Foreseen } from '../quantization/foreseen.js';
import { scaleColumns, type Matrix } from '../weights/matrix.js';
import type { Vector } from '../weights/model-weights.js';
import { addBias, type Bias } from './linear.js';

/** How shares of a row's largest value become codes: those of both signs, and those of one. */
const SIGNED = { name: 'int8', step: 1 / 127, zeroCode: 128 } as const;
const UNSIGNED = { name: 'uint8', step: 1 / 255, zeroCode: 0 } as const;
/** Below this, a row's largest value is taken for it: nothing is divided by 0. */
const SMALLEST = 1e-30;

/**
 * `x Wᵀ + b` over the last axis, in 8-bit integers. Each row of `x` is quantized by its own largest value
 * (LLM.int8(), Dettmers et al. 2022), and not the whole batch by one, so that a text's result does not depend
 * on what it is batched with. Each row of `W` has a scale, too.
 *
 * Where it is foreseen that some features of `x` are larger than others, `x` is divided by these magnitudes and the
 * columns of `W` multiplied by them (SmoothQuant, Xiao et al. 2022). Where nothing in `x` is below a number, codes
 * are counted from there: `W x = W (x - lowest) + lowest Σ W`, whose second part joins the bias.
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
  bias?: Bias,
  lastAxis = -1,
): Value {
  const { magnitudes, lowest = 0 } = graph.foreseen(x);
  const scaled = magnitudes === undefined ? matrix : scaleColumns(matrix, magnitudes);
  const weight = graph.perChannel(name, scaled, lowest !== 0);
  const { codes, largest, step, zeroCode } = graph.shared(`${x}.int8`, () =>
    quantizeActivations(graph, `${x}.int8`, x, lastAxis),
  );
  const product = graph.node({
    op: 'MatMulIntegerToFloat',
    domain: 'com.microsoft',
    inputs: [codes, weight.codes, step, weight.scales, zeroCode],
    name: `${name}.product`,
  });
  const result = graph.node({ op: 'Mul', inputs: [product, largest], name });
  return addBias(graph, name, result, weight.sums === undefined ? bias : shifted(bias, weight.sums, lowest));
}

/** `b + lowest Σ W` */
function shifted(bias: Bias | undefined, sums: Vector, lowest: number): Bias {
  return {
    size: sums.size,
    load: async () => {
      const own = await bias?.load();
      return (await sums.load()).map((sum, i) => lowest * sum + (own?.[i] ?? 0));
    },
  };
}

/** Activations of which every row is quantized by its largest value. */
interface QuantizedRows {
  /** uint8 `[..., columns]`, in steps of `step` of the row's largest value. */
  readonly codes: Value;
  /** float32 `[..., 1]` */
  readonly largest: Value;
  readonly step: Value;
  readonly zeroCode: Value;
}

function quantizeActivations(graph: ModelGraph, name: string, x: Value, lastAxis: number): QuantizedRows {
  const { lowest } = graph.foreseen(x);
  const axis = graph.shared(`int8.axis.${lastAxis}`, () =>
    graph.constant(`int8.axis.${lastAxis}`, [1], [lastAxis]),
  );
  const values = levelled(graph, name, x);
  const sizes =
    lowest === undefined ? graph.node({ op: 'Abs', inputs: [values], name: `${name}.sizes` }) : values;
  const size = graph.node({
    op: 'ReduceMax',
    inputs: [sizes, axis],
    name: `${name}.size`,
    attributes: { keepdims: int(1) },
  });
  const smallest = scalar(graph, 'int8.smallest', SMALLEST);
  const largest = graph.node({ op: 'Max', inputs: [size, smallest], name: `${name}.largest` });
  const shares = graph.node({ op: 'Div', inputs: [values, largest], name: `${name}.shares` });
  const form = lowest === undefined ? SIGNED : UNSIGNED;
  const step = scalar(graph, `${form.name}.step`, form.step);
  const zeroCode = graph.shared(`${form.name}.zero_code`, () =>
    graph.initializer(`${form.name}.zero_code`, DataType.UINT8, [], () => Uint8Array.of(form.zeroCode)),
  );
  const codes = graph.node({
    op: 'QuantizeLinear',
    inputs: [shares, step, zeroCode],
    name: `${name}.codes`,
  });
  return { codes, largest, step, zeroCode };
}

/** `x` as shares of its features' magnitudes, or counted from its lowest value. */
function levelled(graph: ModelGraph, name: string, x: Value): Value {
  const { magnitudes, lowest = 0 }: Foreseen = graph.foreseen(x);
  if (magnitudes !== undefined) {
    const inverse = graph.floats(`${name}.inverse`, [magnitudes.size], async () =>
      (await magnitudes.load()).map(value => 1 / value),
    );
    return graph.node({ op: 'Mul', inputs: [x, inverse], name: `${name}.levelled` });
  }
  if (lowest === 0) return x;
  return graph.node({
    op: 'Sub',
    inputs: [x, scalar(graph, `int8.lowest.${lowest}`, lowest)],
    name: `${name}.raised`,
  });
}

function scalar(graph: ModelGraph, name: string, value: number): Value {
  return graph.shared(name, () => graph.constant(name, [], [value], DataType.FLOAT));
}
