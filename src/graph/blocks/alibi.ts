import { int } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, type Value } from '../onnx/graph-builder.js';

/**
 * Slopes of ALiBi, one for each head: a geometric series for a power of two; for other numbers the series of the
 * next smaller power, and then every other slope of that of the next larger one (Press et al. 2021, and their code).
 */
export function alibiSlopes(heads: number): number[] {
  const power = 2 ** Math.floor(Math.log2(heads));
  const series = (count: number): number[] =>
    Array.from({ length: count }, (_, i) => 2 ** ((-8 * (i + 1)) / count));
  const others = series(2 * power).filter((_, i) => i % 2 === 0);
  return [...series(power), ...others.slice(0, heads - power)];
}

/**
 * The bias of ALiBi for attention both ways: minus the distance, times the head's slope.
 *
 * @param grid `[texts, longest]`: its second size is how far the bias reaches.
 * @returns `[1, heads, longest, longest]`
 */
export function alibiBias(graph: ModelGraph, grid: Value, heads: number): Value {
  const node = (name: string, op: string, ...inputs: Value[]): Value =>
    graph.node({ op, inputs, name: `alibi.${name}` });
  const number = (name: string, value: number): Value => graph.constant(`alibi.${name}`, [], [value]);
  const shape = node('grid_shape', 'Shape', grid);
  const one = number('one', 1);
  const longest = node('longest', 'Gather', shape, one);
  const keys = node('keys', 'Range', number('zero', 0), longest, one);
  const queries = node('queries', 'Unsqueeze', keys, graph.constant('alibi.axis', [1], [1]));
  const distance = node('distance', 'Abs', node('difference', 'Sub', keys, queries));
  const floats = graph.node({
    op: 'Cast',
    inputs: [distance],
    name: 'alibi.floats',
    attributes: { to: int(DataType.FLOAT) },
  });
  const slopes = graph.floats('alibi.slopes', [1, heads, 1, 1], () =>
    Float32Array.from(alibiSlopes(heads), slope => -slope),
  );
  return node('bias', 'Mul', floats, slopes);
}
