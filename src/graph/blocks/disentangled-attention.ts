import { int, ints } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, type Value } from '../onnx/graph-builder.js';
import type { Matrix } from '../weights/matrix.js';
import type { AttentionWeights } from './attention-projections.js';
import { gridAttention, pickIntoGrid } from './grid-attention.js';
import { layerLinear } from './layer-linear.js';
import { linear, type Bias } from './linear.js';
import { projectMarkedHeads, widenHeads, type BothWaysHeads } from './multi-head-attention.js';
import type { AttentionGrid } from './packed-batch.js';
import { scale as scaled } from './scale.js';

/** Vectors of the distances between tokens. */
export interface DistanceVectors {
  /** `[rows, hidden]` */
  readonly vectors: Value;
  /** Tokens of the longest text. */
  readonly contextLength: number;
  /** The row of a distance, the query's position minus the key's. */
  readonly rowOf: (distance: number) => number;
}

/** Projections of the distances' vectors in a layer. */
export interface DistanceProjections {
  /** Onto keys, which content's queries are compared with; undefined: they are not. */
  readonly key: { readonly matrix: Matrix; readonly bias: Bias | undefined } | undefined;
  /** Onto queries, which content's keys are compared with; undefined: they are not. */
  readonly query: { readonly matrix: Matrix; readonly bias: Bias | undefined } | undefined;
}

/**
 * Disentangled attention (DeBERTa, He et al. 2020, equation 4): to the score of two tokens is added how well the
 * query goes with the key's distance, and the key with the query's.
 *
 * @param x `[tokens, hidden]`
 * @returns `[rows, hidden]`: the wanted rows.
 */
export function disentangledAttention(
  graph: ModelGraph,
  name: string,
  x: Value,
  weights: AttentionWeights,
  heads: BothWaysHeads & { readonly scale: number },
  distances: DistanceVectors,
  projections: DistanceProjections,
  grid: AttentionGrid,
): Value {
  const packed = projectMarkedHeads(graph, name, x, weights, heads);
  const terms: Value[] = [];
  const term = (side: 'key' | 'query', content: Value, indices: Value): Value | undefined => {
    const projection = projections[side];
    if (projection === undefined) return undefined;
    const { matrix, bias } = widenHeads(projection.matrix, projection.bias, heads.headSize);
    const part = `${name}.distance_${side}`;
    // Of constants alone: ONNX Runtime works it out once.
    const product = linear(graph, part, distances.vectors, matrix, bias, 'floats');
    const projected = scaled(graph, `${part}.scaled`, product, heads.scale);
    const columns = columnsOf(graph, distances, grid.queries, side === 'key');
    return byDistance(graph, part, pickIntoGrid(graph, part, content, indices), projected, heads, columns);
  };
  const byQuery = term('key', packed.query, grid.queries);
  if (byQuery !== undefined) terms.push(byQuery);
  const byKey = term('query', packed.key, grid.keys);
  if (byKey !== undefined)
    terms.push(
      graph.node({
        op: 'Transpose',
        inputs: [byKey],
        name: `${name}.distance_query.by_query`,
        attributes: { perm: ints([0, 1, 3, 2]) },
      }),
    );
  const [first, second] = terms;
  const bias =
    second === undefined
      ? first
      : graph.node({ op: 'Add', inputs: [first!, second], name: `${name}.distance_bias` });
  const attended = gridAttention(graph, name, packed, { ...grid, bias });
  return layerLinear(graph, `${name}.output`, attended, weights.output, weights.outputBias);
}

/**
 * Scores of each position with all others of its text by their distance. All distances that there are come out of
 * one product, `[texts, heads, longest, 2 longest - 1]`, of which a position's own ones begin one column before those
 * of the position above it: read as lines that are one element shorter, they stand below each other.
 *
 * @param content `[texts, longest, heads × size]`
 * @param projected `[rows, heads × size]`
 * @returns `[texts, heads, longest, longest]`
 */
function byDistance(
  graph: ModelGraph,
  name: string,
  content: Value,
  projected: Value,
  { heads, headSize }: BothWaysHeads,
  { rows, longest, first, lines }: Columns,
): Value {
  const size = headSize + 1;
  const node = (part: string, op: string, ...inputs: Value[]): Value =>
    graph.node({ op, inputs, name: `${name}.${part}` });
  const ordered = (part: string, value: Value, perm: number[]): Value =>
    graph.node({
      op: 'Transpose',
      inputs: [value],
      name: `${name}.${part}`,
      attributes: { perm: ints(perm) },
    });
  const list = (...values: number[]): Value => {
    const key = `distance.list.${values.join('.')}`;
    return graph.shared(key, () => graph.constant(key, [values.length], values));
  };
  const vectors = node('rows', 'Gather', projected, rows);
  const byRow = ordered(
    'vectors',
    node('vectors.split', 'Reshape', vectors, list(-1, heads, size)),
    [1, 2, 0],
  );
  const byHead = ordered(
    'content',
    node('content.split', 'Reshape', content, list(0, 0, heads, size)),
    [0, 2, 1, 3],
  );
  const all = node('all', 'MatMul', byHead, byRow);
  const padded = node('padded', 'Pad', all, list(0, 0, 0, 0, 0, 0, 0, 1));
  const flat = node('flat', 'Reshape', padded, list(0, 0, -1));
  const inLine = node('in_line', 'Slice', flat, first, list(-1), list(2));
  const below = node('below', 'Reshape', inLine, lines);
  return node('own', 'Slice', below, list(0), longest, list(3));
}

/** The columns of {@link byDistance}'s product. */
interface Columns {
  /** Rows of the distances' vectors, one for each column. */
  readonly rows: Value;
  /** Tokens of the longest text. */
  readonly longest: Value;
  /** The first position's column of distance 0: as many distances are on either side. */
  readonly first: Value;
  /** Shape of the lines that are one element shorter. */
  readonly lines: Value;
}

/**
 * @param grid `[texts, longest]`
 * @param isFalling whether distances fall from one column to the next, as from a query to its keys.
 */
function columnsOf(
  graph: ModelGraph,
  { contextLength, rowOf }: DistanceVectors,
  grid: Value,
  isFalling: boolean,
): Columns {
  const node = (name: string, op: string, ...inputs: Value[]): Value =>
    graph.node({ op, inputs, name: `distance.${name}` });
  const number = (name: string, value: number): Value => graph.constant(`distance.${name}`, [1], [value]);
  const shared = graph.shared('distance.columns', () => {
    const longest = graph.node({
      op: 'Shape',
      inputs: [grid],
      name: 'distance.longest',
      attributes: { start: int(1), end: int(2) },
    });
    const one = number('one', 1);
    const most = number('context', contextLength);
    const first = node('first', 'Sub', longest, one);
    const width = node('width', 'Add', longest, first);
    const lines = graph.node({
      op: 'Concat',
      inputs: [graph.constant('distance.lines_head', [3], [0, 0, -1]), width],
      name: 'distance.lines',
      attributes: { axis: int(0) },
    });
    const begin = node('begin', 'Sub', most, longest);
    return { longest, first, lines, begin, end: node('end', 'Add', begin, width) };
  });
  const name = isFalling ? 'falling' : 'rising';
  const rows = graph.shared(`distance.${name}`, () => {
    const table = graph.initializer(`distance.${name}.table`, DataType.INT32, [2 * contextLength - 1], () =>
      Int32Array.from({ length: 2 * contextLength - 1 }, (_, i) =>
        rowOf(isFalling ? contextLength - 1 - i : i - contextLength + 1),
      ),
    );
    return node(name, 'Slice', table, shared.begin, shared.end);
  });
  return { ...shared, rows };
}
