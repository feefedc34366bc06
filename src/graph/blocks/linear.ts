import { DataType, type GraphBuilder, type Value } from '../onnx/graph-builder.js';
import type { Matrix } from '../weights/matrix.js';
import { transpose } from '../weights/transpose.js';

/** A bias vector, read when it is written. */
export type Bias = { readonly size: number; load(): Promise<Float32Array> };

/** A fully connected layer: `y = x Wᵀ + b` over the last axis. */
export function linear(graph: GraphBuilder, name: string, x: Value, matrix: Matrix, bias?: Bias): Value {
  const { rows, columns } = matrix;
  // MatMul multiplies from the right, so the weight is stored transposed.
  const weight = graph.initializer(`${name}.weight`, DataType.FLOAT, [columns, rows], async () =>
    transpose(await matrix.load(), rows, columns),
  );
  const product = graph.node({ op: 'MatMul', inputs: [x, weight], name });
  if (bias === undefined) return product;
  const vector = graph.initializer(`${name}.bias`, DataType.FLOAT, [bias.size], () => bias.load());
  return graph.node({ op: 'Add', inputs: [product, vector], name: `${name}.biased` });
}
