import { int } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, type Value } from '../onnx/graph-builder.js';
import type { Matrix } from '../weights/matrix.js';
import { narrowed, widened } from './exact-floats.js';
import { layerLinear } from './layer-linear.js';
import { linear } from './linear.js';
import { scale } from './scale.js';

/** Least mean square of what is stretched to a magnitude. */
const LEAST_SQUARE = 1e-5;

/** Weights by which a layer predicts its streams, and corrects them. */
export interface AlternatingWeights {
  /** `[streams, hidden]` */
  readonly router: Matrix;
  /** `[streams², streams]` */
  readonly prediction: Matrix;
  /** `[streams, streams]` */
  readonly correction: Matrix;
}

/** Residual streams of which each layer computes one, and guesses the others (AltUp, Baykal et al. 2023). */
export interface AlternatingStreams {
  readonly graph: ModelGraph;
  /** How many there are. */
  readonly count: number;
  readonly hiddenSize: number;
  /** The one that layers compute. */
  readonly active: number;
  /** The leading dimensions of values, as Reshape takes them. */
  readonly tokens: readonly number[];
}

/**
 * The streams before the first layer: the embeddings, and projections of them that are as large.
 *
 * @param projections `[hidden, hidden]` each, one less than there are streams.
 * @returns `[...tokens, streams, hidden]`
 */
export function openStreams(
  { graph }: AlternatingStreams,
  embedded: Value,
  projections: readonly Matrix[],
): Value {
  const target = magnitude(graph, 'streams.target', embedded);
  const all = [
    embedded,
    ...projections.map((projection, i) => {
      const name = `streams.${i + 1}`;
      return matched(graph, name, layerLinear(graph, `${name}.product`, embedded, projection), target);
    }),
  ];
  return graph.node({
    op: 'Concat',
    inputs: all.map((value, i) => beforeLast(graph, `streams.${i}.row`, value)),
    name: 'streams',
    attributes: { axis: int(-2) },
  });
}

/**
 * The mean of the streams behind the last layer, all projected but the first, and as large as that one.
 *
 * @returns `[...tokens, hidden]`
 */
export function closeStreams(
  { graph, count }: AlternatingStreams,
  streams: Value,
  projections: readonly Matrix[],
): Value {
  const first = pick(graph, 'unembedded.0', streams, 0);
  const target = magnitude(graph, 'unembedded.target', first);
  const others = projections.map((projection, i) => {
    const name = `unembedded.${i + 1}`;
    const stream = pick(graph, `${name}.stream`, streams, i + 1);
    return matched(graph, name, layerLinear(graph, `${name}.product`, stream, projection), target);
  });
  const sum = graph.node({ op: 'Sum', inputs: [first, ...others], name: 'unembedded.sum' });
  return scale(graph, 'unembedded', sum, 1 / count);
}

/**
 * Predicts a layer's outputs: each stream with a mixture of all added, by coefficients of the active one.
 *
 * @param streams `[...tokens, streams, hidden]`
 * @param norm of what is routed by.
 * @returns the same shape.
 */
export function predictStreams(
  shape: AlternatingStreams,
  name: string,
  streams: Value,
  { router, prediction }: AlternatingWeights,
  norm: (x: Value) => Value,
): Value {
  const { graph, count, tokens, active } = shape;
  const modalities = route(
    shape,
    `${name}.predict`,
    pick(graph, `${name}.active`, streams, active),
    router,
    norm,
  );
  const flat = linear(graph, `${name}.predict.coefficients`, modalities, prediction, undefined, 'floats');
  const matrices = graph.shared('streams.matrices_shape', () =>
    graph.constant('streams.matrices_shape', [tokens.length + 2], [...tokens, count, count]),
  );
  const coefficients = graph.node({
    op: 'Reshape',
    inputs: [flat, matrices],
    name: `${name}.predict.matrices`,
  });
  const mixed = graph.node({ op: 'MatMul', inputs: [coefficients, streams], name: `${name}.mixed` });
  return graph.node({ op: 'Add', inputs: [mixed, streams], name: `${name}.predicted` });
}

/**
 * Corrects what {@link predictStreams} gave by what the layer has made of the active stream.
 *
 * @param computed `[...tokens, hidden]`
 */
export function correctStreams(
  shape: AlternatingStreams,
  name: string,
  predicted: Value,
  computed: Value,
  { router, correction }: AlternatingWeights,
  norm: (x: Value) => Value,
): Value {
  const { graph, count, active } = shape;
  const modalities = route(shape, `${name}.correct`, computed, router, norm);
  const ones = { size: count, load: async () => new Float32Array(count).fill(1) };
  const shares = linear(graph, `${name}.correct.coefficients`, modalities, correction, ones, 'floats');
  const guess = pick(graph, `${name}.guess`, predicted, active);
  const innovation = graph.node({ op: 'Sub', inputs: [computed, guess], name: `${name}.innovation` });
  const last = graph.shared('streams.last_axis', () => graph.constant('streams.last_axis', [1], [-1]));
  const columns = graph.node({ op: 'Unsqueeze', inputs: [shares, last], name: `${name}.correct.columns` });
  const rows = beforeLast(graph, `${name}.innovation.row`, innovation);
  const update = graph.node({ op: 'Mul', inputs: [columns, rows], name: `${name}.correct.update` });
  return graph.node({ op: 'Add', inputs: [predicted, update], name: `${name}.corrected` });
}

/** Adds to all streams but the first. `update`: `[...tokens, hidden]`. */
export function addToOthers(
  { graph, count }: AlternatingStreams,
  name: string,
  streams: Value,
  update: Value,
): Value {
  const others = graph.shared('streams.others', () =>
    graph.floats('streams.others', [count, 1], () =>
      Float32Array.from({ length: count }, (_, i) => (i === 0 ? 0 : 1)),
    ),
  );
  const rows = beforeLast(graph, `${name}.update.row`, update);
  const updates = graph.node({ op: 'Mul', inputs: [rows, others], name: `${name}.updates` });
  return graph.node({ op: 'Add', inputs: [streams, updates], name: `${name}.streams` });
}

/** One of the streams, `[...tokens, hidden]`. */
export function pick(graph: ModelGraph, name: string, streams: Value, index: number): Value {
  const place = graph.shared(`streams.place.${index}`, () =>
    graph.constant(`streams.place.${index}`, [], [index]),
  );
  return graph.node({ op: 'Gather', inputs: [streams, place], name, attributes: { axis: int(-2) } });
}

/** `tanh(norm(x) R / hidden)`, `[...tokens, streams]` */
function route(
  { graph, hiddenSize }: AlternatingStreams,
  name: string,
  x: Value,
  router: Matrix,
  norm: (x: Value) => Value,
): Value {
  const product = linear(graph, `${name}.router`, norm(x), router, undefined, 'floats');
  const small = scale(graph, `${name}.routed`, product, 1 / hiddenSize);
  return graph.node({ op: 'Tanh', inputs: [small], name: `${name}.modalities` });
}

/** The root of the mean square of each token's features, in 32 bits, `[...tokens, 1]`. */
function magnitude(graph: ModelGraph, name: string, x: Value, least?: number): Value {
  const node = (op: string, part: string, ...inputs: Value[]): Value =>
    graph.node({ op, inputs, name: `${name}.${part}` });
  const axis = graph.shared('streams.last_axis', () => graph.constant('streams.last_axis', [1], [-1]));
  const exact = widened(graph, `${name}.exact`, x);
  const mean = node('ReduceMean', 'mean', node('Mul', 'squares', exact, exact), axis);
  if (least === undefined) return node('Sqrt', 'root', mean);
  const floor = graph.shared('streams.least', () =>
    graph.constant('streams.least', [], [least], DataType.FLOAT),
  );
  return node('Sqrt', 'root', node('Max', 'bounded', mean, floor));
}

/** A value that is made as large as another one. */
function matched(graph: ModelGraph, name: string, x: Value, target: Value): Value {
  const own = magnitude(graph, `${name}.own`, x, LEAST_SQUARE);
  const ratio = graph.node({ op: 'Div', inputs: [target, own], name: `${name}.exact_ratio` });
  return graph.node({
    op: 'Mul',
    inputs: [x, narrowed(graph, `${name}.ratio`, ratio)],
    name: `${name}.matched`,
  });
}

/** `[...tokens, hidden]` becomes `[...tokens, 1, hidden]`. */
function beforeLast(graph: ModelGraph, name: string, x: Value): Value {
  const axis = graph.shared('streams.row_axis', () => graph.constant('streams.row_axis', [1], [-2]));
  return graph.node({ op: 'Unsqueeze', inputs: [x, axis], name });
}
