import { int } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, type Value } from '../onnx/graph-builder.js';

/** A value in 32 bits, for sums of squares, which 16 bits do not hold. */
export function widened(graph: ModelGraph, name: string, x: Value): Value {
  return cast(graph, name, x, DataType.FLOAT);
}

/** A value of 32 bits in the graph's own floats. */
export function narrowed(graph: ModelGraph, name: string, x: Value): Value {
  return cast(graph, name, x, graph.floatType);
}

function cast(graph: ModelGraph, name: string, x: Value, to: DataType): Value {
  if (graph.floatType === DataType.FLOAT) return x;
  return graph.node({ op: 'Cast', inputs: [x], name, attributes: { to: int(to) } });
}
