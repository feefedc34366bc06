import { KvasirError } from '#errors.js';
import { float, int, string, type Attribute } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, NONE, type Value } from '../onnx/graph-builder.js';
import type { BlockFormat } from '../quantization/block-format.js';
import { interleaveRows, loadMatrix, stackRows, type Matrix } from '../weights/matrix.js';
import { isAlike, type PackedRows } from '../weights/packed-rows.js';
import { routeTokens, type ExpertRouting, type RoutedTokens } from './expert-routing.js';
import type { GatedWeights } from './feed-forward.js';
import { linear, type Bias } from './linear.js';
import { scale } from './scale.js';

/** Weights of a mixture of experts, each a SwiGLU feed-forward layer. */
export interface ExpertWeights {
  readonly count: number;
  /** `[count, hidden]` */
  readonly router: Matrix;
  readonly routerBias?: Bias | undefined;
  /** `[count × 2 inner, hidden]`: of each expert rows of gate and up in turns. */
  readonly inner: Matrix;
  readonly innerBias?: Bias | undefined;
  /** `[count × hidden, inner]` */
  readonly outer: Matrix;
  readonly outerBias?: Bias | undefined;
  /** Experts that each token goes through. */
  readonly perToken: number;
  /** True if the chosen experts' weights are scaled to a sum of 1. */
  readonly normalized: boolean;
  readonly swiglu?: Swiglu | undefined;
  /** Undefined: the experts with the largest probabilities, the softmax of the router's logits. */
  readonly routing?: ExpertRouting | undefined;
  /** Factor of what all experts give together; default 1. */
  readonly factor?: number | undefined;
}

/** `gate · σ(alpha · gate) · (up + beta)` of inputs that are kept below a limit. */
export interface Swiglu {
  readonly alpha: number;
  readonly beta: number;
  /** Most of the gate, and most of what goes up, which is kept above the limit's opposite, too. */
  readonly limit?: number | undefined;
}

/** SwiGLU as Shazeer 2020 has it. */
const PLAIN_SWIGLU: Swiglu = { alpha: 1, beta: 0 };

/** The stacked weights of experts that are stored one by one, without biases. */
export function stackExperts(
  experts: readonly GatedWeights[],
): Pick<ExpertWeights, 'count' | 'inner' | 'outer'> {
  return {
    count: experts.length,
    inner: stackRows(experts.map(({ gate, up }) => interleaveRows(gate, up))),
    outer: stackRows(experts.map(({ down }) => down)),
  };
}

/**
 * A sparse mixture of experts (Shazeer et al. 2017; Mixtral, Jiang et al. 2024): `Σ p_e · expert_e(x)` over
 * the experts with the largest router probabilities `p = softmax(x R)`.
 *
 * Operators: com.microsoft.MoE, and QMoE where matrices are quantized.
 *
 * @param x `[...tokens, hidden]`
 */
export function mixtureOfExperts(graph: ModelGraph, name: string, x: Value, weights: ExpertWeights): Value {
  const { count, router, routerBias, perToken, normalized, routing, factor = 1 } = weights;
  checkFormat(graph);
  // The choice of experts is too sensitive to be quantized.
  const scores = linear(graph, `${name}.router`, x, router, routerBias, 'floats');
  const { logits, share } =
    routing === undefined
      ? byProbability(graph, name, scores, count, perToken)
      : routeTokens(graph, `${name}.routing`, scores, count, perToken, routing);
  const routed = chosenExperts(graph, name, x, logits, weights);
  const weighted = normalized
    ? routed
    : graph.node({ op: 'Mul', inputs: [routed, share()], name: `${name}.weighted` });
  return scale(graph, `${name}.scaled`, weighted, factor);
}

/** The choice that the operators make themselves. */
function byProbability(
  graph: ModelGraph,
  name: string,
  scores: Value,
  count: number,
  perToken: number,
): RoutedTokens {
  const tokens = graph.node({
    op: 'Reshape',
    inputs: [scores, graph.constant(`${name}.tokens_shape`, [2], [-1, count])],
    name: `${name}.tokens`,
  });
  return { logits: tokens, share: () => chosenProbability(graph, name, scores, perToken) };
}

/**
 * Refuses what gives wrong results on CUDA with ONNX Runtime 1.29 (bench/results/cuda.md): bf16, and
 * quantized weights in the layout that the processor's kernels read. With 16-bit floats between quantized
 * weights, or bf16, it is CUDA that runs them.
 */
function checkFormat({ floatType, format }: ModelGraph): void {
  const isWrong =
    floatType === DataType.BFLOAT16 ||
    (floatType === DataType.FLOAT16 && (format.experts ?? format.matrices) !== undefined);
  if (!isWrong) return;
  throw new KvasirError(
    'unsupported_model',
    "a mixture of experts runs on CUDA in f16 only: ONNX Runtime's results in bf16, int8 and int4 are wrong there",
  );
}

/**
 * The experts' outputs by normalised weights. Without normalisation, the operators of ONNX Runtime 1.29 may
 * overwrite what they still read.
 */
function chosenExperts(
  graph: ModelGraph,
  name: string,
  x: Value,
  scores: Value,
  { count, inner, innerBias, outer, outerBias, perToken, swiglu = PLAIN_SWIGLU }: ExpertWeights,
): Value {
  const attributes: Record<string, Attribute> = {
    k: int(perToken),
    normalize_routing_weights: int(1),
    activation_type: string('swiglu'),
    swiglu_fusion: int(1),
    activation_alpha: float(swiglu.alpha),
    activation_beta: float(swiglu.beta),
    ...(swiglu.limit !== undefined && { swiglu_limit: float(swiglu.limit) }),
  };
  const bias = (side: string, vector: Bias | undefined): Value =>
    vector === undefined
      ? NONE
      : graph.floats(`${name}.${side}.bias`, [count, vector.size / count], () => vector.load());
  const [first, second] = [bias('inner', innerBias), bias('outer', outerBias)];
  const forms = expertForms(graph, inner, outer);
  if (forms === undefined) {
    const floats = (side: string, matrix: Matrix): Value => {
      const shape = [count, matrix.rows / count, matrix.columns];
      return graph.floats(`${name}.${side}.weight`, shape, () => loadMatrix(matrix));
    };
    const inputs = [x, scores, floats('inner', inner), first, floats('outer', outer), second];
    return graph.node({ op: 'MoE', domain: 'com.microsoft', inputs, name, attributes });
  }
  const up = graph.quantized(`${name}.inner`, inner, forms[0], count);
  const down = graph.quantized(`${name}.outer`, outer, forms[1], count);
  const { bits, blockSize } = up.format;
  return graph.node({
    op: 'QMoE',
    domain: 'com.microsoft',
    inputs: [x, scores, up.codes, up.scales, first, down.codes, down.scales, second],
    name,
    attributes: { ...attributes, expert_weight_bits: int(bits), block_size: int(blockSize) },
  });
}

/** How both matrices are written, in one layout; undefined: in floats. */
function expertForms(
  graph: ModelGraph,
  inner: Matrix,
  outer: Matrix,
): readonly [PackedRows | BlockFormat, PackedRows | BlockFormat] | undefined {
  const { experts, matrices, asStored } = graph.format;
  if (asStored && inner.packed !== undefined && outer.packed !== undefined) {
    const { layout, sumCopies } = inner.packed;
    if (layout.symmetric && sumCopies === 0 && isAlike(inner.packed, outer.packed))
      return [inner.packed, outer.packed];
  }
  if (asStored && !(inner.isQuantized && outer.isQuantized)) return undefined;
  const format = expertFormat(experts ?? matrices, inner.columns, outer.columns);
  return format && [format, format];
}

/**
 * QMoE takes only whole blocks, and zero points only of even numbers of them; undefined where no block fits.
 */
function expertFormat(
  format: BlockFormat | undefined,
  ...columns: readonly number[]
): BlockFormat | undefined {
  if (format === undefined) return undefined;
  const blockSize = [64, 32, 16].find(
    size => size <= format.blockSize && columns.every(count => count % size === 0),
  );
  return blockSize === undefined ? undefined : { ...format, symmetric: true, blockSize };
}

/** Sum of the largest router probabilities, `[...tokens, 1]`. */
function chosenProbability(graph: ModelGraph, name: string, scores: Value, perToken: number): Value {
  // Operators have no kernels for the largest of bf16.
  const cast = (value: Value, to: DataType, name: string): Value =>
    graph.floatType === DataType.FLOAT
      ? value
      : graph.node({ op: 'Cast', inputs: [value], name, attributes: { to: int(to) } });
  const probabilities = graph.node({
    op: 'Softmax',
    inputs: [cast(scores, DataType.FLOAT, `${name}.exact_scores`)],
    name: `${name}.probabilities`,
    attributes: { axis: int(-1) },
  });
  const largest = graph.node({
    op: 'TopK',
    inputs: [probabilities, graph.constant(`${name}.per_token`, [1], [perToken])],
    name: `${name}.largest`,
    outputs: [`${name}.largest`, `${name}.chosen`],
  });
  const share = graph.node({
    op: 'ReduceSum',
    inputs: [largest, graph.constant(`${name}.last_axis`, [1], [-1])],
    name: `${name}.exact_share`,
  });
  return cast(share, graph.floatType, `${name}.share`);
}
