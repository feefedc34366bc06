import { int } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, type Value } from '../onnx/graph-builder.js';

/** Stands in an order of tokens for one of zeros. */
export const EMPTY = -1;

/**
 * Tokens of each picture in another order: windows, shifts and merges of a grid are nothing else.
 *
 * @param x `[pictures, tokens, width]`
 * @param order for each token of the result which one it is, or {@link EMPTY}.
 * @returns `[pictures, order's length, width]`
 */
export function reorderTokens(graph: ModelGraph, name: string, x: Value, order: Int32Array): Value {
  const source = order.includes(EMPTY) ? withEmptyToken(graph, name, x) : x;
  const index = graph.initializer(`${name}.order`, DataType.INT32, [order.length], () => order);
  return graph.node({ op: 'Gather', inputs: [source, index], name, attributes: { axis: int(1) } });
}

/** Puts a token of zeros behind the others, where index -1 finds it. */
function withEmptyToken(graph: ModelGraph, name: string, x: Value): Value {
  const pads = graph.shared('empty_token.pads', () =>
    graph.constant('empty_token.pads', [6], [0, 0, 0, 0, 1, 0]),
  );
  return graph.node({ op: 'Pad', inputs: [x, pads], name: `${name}.padded` });
}
