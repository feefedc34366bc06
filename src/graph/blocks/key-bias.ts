import type { ModelGraph } from '../model-graph.js';
import { DataType, type Value } from '../onnx/graph-builder.js';
import { int } from '../onnx/attributes.js';

/**
 * A bias of attention's scores that depends on the head and on the key's position alone, for every query of a run.
 *
 * @param name of what all layers share.
 * @param table `[heads, context]`
 * @param queries int64 `[1]`: queries of each row.
 * @param longest an integer scalar: positions of the longest row after the run.
 * @returns `[1, heads, queries, longest]`
 */
export function keyBias(
  graph: ModelGraph,
  name: string,
  table: Value,
  queries: Value,
  longest: Value,
): Value {
  return graph.shared(`${table}.${name}`, () => {
    const constant = (part: string, values: number[]): Value => {
      const key = `${table}.${part}`;
      return graph.shared(key, () => graph.constant(key, [values.length], values));
    };
    const node = (op: string, part: string, inputs: Value[]): Value =>
      graph.node({ op, inputs, name: `${table}.${name}${part}` });
    const [zero, one] = [constant('zero', [0]), constant('one', [1])];
    const wide = graph.node({
      op: 'Cast',
      inputs: [longest],
      name: `${table}.${name}.longest`,
      attributes: { to: int(DataType.INT64) },
    });
    const end = node('Unsqueeze', '.end', [wide, zero]);
    const keys = node('Slice', '.keys', [table, zero, end, one]);
    const row = node('Unsqueeze', '.row', [keys, constant('axes', [0, 2])]);
    const shape = graph.node({
      op: 'Concat',
      inputs: [one, one, queries, one],
      name: `${table}.${name}.shape`,
      attributes: { axis: int(0) },
    });
    return node('Expand', '', [row, shape]);
  });
}
