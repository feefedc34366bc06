import { int, ints } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, type Value } from '../onnx/graph-builder.js';
import type { Weight } from '../weights/checkpoint.js';

/** One number per head and bucket of distances. */
export interface RelativePositions {
  /** `[buckets, heads]` */
  readonly weight: Weight;
  /** From here on all distances share the last bucket. */
  readonly maxDistance: number;
}

/**
 * The bias that T5 (Raffel et al. 2019) and MPNet add to attention scores: one number per head and distance,
 * distances in buckets that widen, half of them for each direction.
 *
 * @param grid `[texts, longest]`: its second size is how far the bias reaches.
 * @returns `[1, heads, longest, longest]`
 */
export function relativePositionBias(
  graph: ModelGraph,
  name: string,
  relative: RelativePositions,
  grid: Value,
): Value {
  const { maxDistance } = relative;
  const table = biasTable(graph, name, relative, -maxDistance, maxDistance);
  const columns = graph.shared('relative.columns', () => {
    const shape = graph.node({ op: 'Shape', inputs: [grid], name: 'relative.grid_shape' });
    const one = scalar(graph, 'relative.one', 1);
    const longest = graph.node({ op: 'Gather', inputs: [shape, one], name: 'relative.longest' });
    const keys = range(graph, longest, one);
    const axis = graph.constant('relative.axis', [1], [1]);
    const queries = graph.node({ op: 'Unsqueeze', inputs: [keys, axis], name: 'relative.queries' });
    return columnsOf(graph, keys, queries, -maxDistance, maxDistance);
  });
  const byHead = gatherColumns(graph, name, table, columns);
  const text = graph.constant(`${name}.axis`, [1], [0]);
  return graph.node({ op: 'Unsqueeze', inputs: [byHead, text], name });
}

/**
 * The same for a decoder of T5, whose tokens see none behind them: all buckets are for distances back.
 *
 * @param positions int64 `[batch, sequence]`: those of the run's tokens.
 * @param longest int32 scalar: keys of the longest row.
 * @returns `[batch, heads, sequence, longest]`
 */
export function causalRelativePositionBias(
  graph: ModelGraph,
  name: string,
  relative: RelativePositions,
  positions: Value,
  longest: Value,
): Value {
  const { maxDistance } = relative;
  const table = biasTable(graph, name, relative, -maxDistance, 0);
  const columns = graph.shared('relative.columns', () => {
    const end = graph.node({
      op: 'Cast',
      inputs: [longest],
      name: 'relative.longest',
      attributes: { to: int(DataType.INT64) },
    });
    const keys = range(graph, end, scalar(graph, 'relative.one', 1));
    const axis = graph.constant('relative.axis', [1], [2]);
    const queries = graph.node({ op: 'Unsqueeze', inputs: [positions, axis], name: 'relative.queries' });
    return columnsOf(graph, keys, queries, -maxDistance, 0);
  });
  const attributes = { perm: ints([1, 0, 2, 3]) };
  const byHead = gatherColumns(graph, name, table, columns);
  return graph.node({ op: 'Transpose', inputs: [byHead], name, attributes });
}

/** The bias of each head at each distance from the first to the last, `[heads, distances]`. */
function biasTable(
  graph: ModelGraph,
  name: string,
  { weight, maxDistance }: RelativePositions,
  first: number,
  last: number,
): Value {
  const [buckets, heads] = weight.shape as [number, number];
  const perSide = last > 0 ? Math.floor(buckets / 2) : buckets;
  const distances = last - first + 1;
  return graph.floats(`${name}.table`, [heads, distances], async () => {
    const values = await weight.load();
    const result = new Float32Array(heads * distances);
    for (let i = 0; i < distances; i++) {
      const bucket = relativePositionBucket(first + i, perSide, maxDistance);
      for (let head = 0; head < heads; head++) result[head * distances + i] = values[bucket * heads + head]!;
    }
    return result;
  });
}

/** Columns of {@link biasTable} for all pairs of queries and keys; distances beyond its ends take these. */
function columnsOf(graph: ModelGraph, keys: Value, queries: Value, first: number, last: number): Value {
  const bounds = [scalar(graph, 'relative.first', first), scalar(graph, 'relative.last', last)] as const;
  const distance = graph.node({ op: 'Sub', inputs: [keys, queries], name: 'relative.distance' });
  const near = graph.node({ op: 'Clip', inputs: [distance, ...bounds], name: 'relative.near' });
  return graph.node({ op: 'Sub', inputs: [near, bounds[0]], name: 'relative.columns' });
}

/** `[heads, ...columns]` */
function gatherColumns(graph: ModelGraph, name: string, table: Value, columns: Value): Value {
  const attributes = { axis: int(1) };
  return graph.node({ op: 'Gather', inputs: [table, columns], name: `${name}.by_head`, attributes });
}

function range(graph: ModelGraph, end: Value, one: Value): Value {
  return graph.node({
    op: 'Range',
    inputs: [scalar(graph, 'relative.zero', 0), end, one],
    name: 'relative.keys',
  });
}

function scalar(graph: ModelGraph, name: string, value: number): Value {
  return graph.constant(name, [], [value]);
}

/**
 * Bucket of a distance (key minus query): `perSide` of them for each direction, first those back. Half of
 * these are exact, the rest grow by a constant factor up to `maxDistance`.
 */
function relativePositionBucket(distance: number, perSide: number, maxDistance: number): number {
  const exact = Math.floor(perSide / 2);
  const size = Math.abs(distance);
  const offset = distance > 0 ? perSide : 0;
  if (size < exact) return offset + size;
  // In single precision, as the models were trained: it decides on which side of a border some distances
  // fall.
  const scale = Math.fround(Math.fround(Math.log(size / exact)) / Math.fround(Math.log(maxDistance / exact)));
  return offset + Math.min(perSide - 1, exact + Math.floor(Math.fround(scale * (perSide - exact))));
}
