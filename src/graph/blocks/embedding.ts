import { DataType, type GraphBuilder, type Value } from '../onnx/graph-builder.js';
import type { Weight } from '../weights/checkpoint.js';

/** Adds an embedding table `[vocabulary, hidden]`. */
export function embeddingTable(graph: GraphBuilder, name: string, weight: Weight): Value {
  return graph.initializer(`${name}.weight`, DataType.FLOAT, weight.shape, () => weight.load());
}

/** The table's rows at integer ids of any shape. */
export function embed(graph: GraphBuilder, name: string, table: Value, ids: Value): Value {
  return graph.node({ op: 'Gather', inputs: [table, ids], name });
}
