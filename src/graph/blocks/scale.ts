import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';

/** `x · factor`; nothing where the factor is 1. */
export function scale(graph: ModelGraph, name: string, x: Value, factor: number): Value {
  if (factor === 1) return x;
  const scalar = graph.floats(`${name}.factor`, [], () => Float32Array.of(factor));
  return graph.node({ op: 'Mul', inputs: [x, scalar], name });
}
