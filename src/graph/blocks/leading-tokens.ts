import { int } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';

/** Vectors that stand before every picture's patches, such as a class token's. */
export interface LeadingTokens {
  readonly count: number;
  /** `[count, hidden]` */
  readonly load: () => Promise<Float32Array>;
}

/**
 * A constant for every picture of a batch, `[batch, ...shape]`.
 *
 * @param batch any value whose first dimension is the batch.
 * @param value `[1, ...shape]`
 */
export function forEveryPicture(
  graph: ModelGraph,
  name: string,
  batch: Value,
  value: Value,
  shape: readonly number[],
): Value {
  const pictures = graph.shared(`${batch}.pictures`, () =>
    graph.node({
      op: 'Shape',
      inputs: [batch],
      name: `${batch}.pictures`,
      attributes: { start: int(0), end: int(1) },
    }),
  );
  const rest = graph.constant(`${name}.rest`, [shape.length], shape);
  const whole = graph.node({
    op: 'Concat',
    inputs: [pictures, rest],
    name: `${name}.shape`,
    attributes: { axis: int(0) },
  });
  return graph.node({ op: 'Expand', inputs: [value, whole], name });
}

/**
 * Puts the same tokens before every picture's patches.
 *
 * @param patches `[batch, patches, hidden]`
 * @returns `[batch, count + patches, hidden]`
 */
export function addLeadingTokens(
  graph: ModelGraph,
  name: string,
  patches: Value,
  { count, load }: LeadingTokens,
  hiddenSize: number,
): Value {
  if (count === 0) return patches;
  const vectors = graph.floats(`${name}.vectors`, [1, count, hiddenSize], load);
  const leading = forEveryPicture(graph, `${name}.leading`, patches, vectors, [count, hiddenSize]);
  return graph.node({ op: 'Concat', inputs: [leading, patches], name, attributes: { axis: int(1) } });
}

/**
 * The first tokens of each picture.
 *
 * @param axis of the tokens: `[batch, count, ...]` by default.
 */
export function firstTokens(graph: ModelGraph, name: string, x: Value, count: number, axis = 1): Value {
  const number = (value: number): Value =>
    graph.shared(`first_tokens.${value}`, () => graph.constant(`first_tokens.${value}`, [1], [value]));
  return graph.node({ op: 'Slice', inputs: [x, number(0), number(count), number(axis)], name });
}
