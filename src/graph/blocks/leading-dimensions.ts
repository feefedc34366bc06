import type { ModelGraph } from '../model-graph.js';
import { int } from '../onnx/attributes.js';
import type { Value } from '../onnx/graph-builder.js';

/**
 * A value's elements under the leading dimensions of another one.
 *
 * @param like `[...tokens, any]`
 * @param width elements of a token.
 * @returns `[...tokens, width]`
 */
export function underDimensionsOf(
  graph: ModelGraph,
  name: string,
  value: Value,
  like: Value,
  width: number,
): Value {
  const tokens = graph.node({
    op: 'Shape',
    inputs: [like],
    name: `${name}.tokens`,
    attributes: { end: int(-1) },
  });
  const last = graph.shared(`width.${width}`, () => graph.constant(`width.${width}`, [1], [width]));
  const shape = graph.node({
    op: 'Concat',
    inputs: [tokens, last],
    name: `${name}.shape`,
    attributes: { axis: int(0) },
  });
  return graph.node({ op: 'Reshape', inputs: [value, shape], name });
}
