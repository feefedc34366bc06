import { int } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';
import type { Weight } from '../weights/checkpoint.js';

/**
 * The bias that T5 (Raffel et al. 2019) and MPNet add to attention scores: one number per head and distance,
 * distances in buckets that widen.
 *
 * @param weight `[buckets, heads]`
 * @param grid `[texts, longest]`: its second size is how far the bias reaches.
 * @param positions longest text; at least the grid's second size.
 * @returns `[1, heads, longest, longest]`
 */
export function relativePositionBias(
  graph: ModelGraph,
  name: string,
  weight: Weight,
  maxDistance: number,
  grid: Value,
  positions: number,
): Value {
  const [buckets, heads] = weight.shape as [number, number];
  const distances = 2 * positions - 1;
  const table = graph.floats(`${name}.table`, [1, heads, distances], async () => {
    const values = await weight.load();
    const result = new Float32Array(heads * distances);
    for (let i = 0; i < distances; i++) {
      const bucket = relativePositionBucket(i - (positions - 1), buckets, maxDistance);
      for (let head = 0; head < heads; head++) result[head * distances + i] = values[bucket * heads + head]!;
    }
    return result;
  });
  const scalar = (suffix: string, value: number): Value => graph.constant(`${name}.${suffix}`, [], [value]);
  const shape = graph.node({ op: 'Shape', inputs: [grid], name: `${name}.grid_shape` });
  const longest = graph.node({ op: 'Gather', inputs: [shape, scalar('one', 1)], name: `${name}.longest` });
  const range = (suffix: string, from: Value, to: Value): Value =>
    graph.node({ op: 'Range', inputs: [from, to, `${name}.one`], name: `${name}.${suffix}` });
  const keys = range('keys', scalar('zero', 0), longest);
  const axis = graph.constant(`${name}.axis`, [1], [1]);
  const queries = graph.node({ op: 'Unsqueeze', inputs: [keys, axis], name: `${name}.queries` });
  const distance = graph.node({ op: 'Sub', inputs: [keys, queries], name: `${name}.distance` });
  const index = graph.node({
    op: 'Add',
    inputs: [distance, scalar('origin', positions - 1)],
    name: `${name}.index`,
  });
  return graph.node({ op: 'Gather', inputs: [table, index], name, attributes: { axis: int(2) } });
}

/**
 * Bucket of a distance (key minus query): half of them for each direction; of these the first half exact, the
 * rest growing by a constant factor up to `maxDistance`.
 */
function relativePositionBucket(distance: number, buckets: number, maxDistance: number): number {
  const perSide = buckets / 2;
  const exact = Math.floor(perSide / 2);
  const size = Math.abs(distance);
  const offset = distance > 0 ? perSide : 0;
  if (size < exact) return offset + size;
  // In single precision, as the models were trained: it decides on which side of a border some distances
  // fall.
  const scale = Math.fround(Math.fround(Math.log(size / exact)) / Math.fround(Math.log(maxDistance / exact)));
  return offset + Math.min(perSide - 1, exact + Math.floor(Math.fround(scale * (perSide - exact))));
}
