import { float } from '../onnx/attributes.js';
import type { Value } from '../onnx/graph-builder.js';
import type { ModelGraph } from '../model-graph.js';
import type { Weight } from '../weights/checkpoint.js';
import { padGroups } from '../weights/matrix.js';

/** Norms of queries and keys (Henry et al. 2020), and of values where they have one, too (Gemma 3n). */
export interface HeadNorms {
  /** `[headSize]` for each head by itself; `[heads × headSize]` for all of them at once (OLMo 2). */
  readonly query: Weight;
  readonly key: Weight;
  readonly value?: Weight | undefined;
  readonly epsilon: number;
}

/**
 * The root mean square norm over the last axis of what is padded by zeros, which the operator counts: over `padded`
 * features the mean is `size / padded` of what it should be. With epsilon made smaller by that factor and the weight
 * by its root, the result is exact.
 *
 * @param x `[..., padded]`
 * @param group features that are followed by zeros up to `paddedGroup`; `x` has one or more such groups.
 */
export function normOfPadded(
  graph: ModelGraph,
  name: string,
  x: Value,
  weight: Weight,
  epsilon: number,
  [group, paddedGroup]: readonly [number, number],
): Value {
  const size = weight.shape[0]!;
  const padded = (size / group) * paddedGroup;
  const share = size / padded;
  const gamma = graph.floats(`${name}.weight`, [padded], async () =>
    padGroups(
      (await weight.load()).map(value => value * Math.sqrt(share)),
      group,
      paddedGroup,
    ),
  );
  return graph.node({
    op: 'SimplifiedLayerNormalization',
    inputs: [x, gamma],
    name: `${name}.normed`,
    attributes: { epsilon: float(epsilon * share) },
  });
}

/**
 * The root mean square norm of every head by itself, or of all heads at once: of as many features as there are
 * weights. Heads may be padded, see {@link normOfPadded}.
 *
 * @param x `[...tokens, heads × padded]`
 * @param heads how many such parts there are.
 * @param group features that are followed by zeros up to `paddedGroup`; a head is one or more such groups.
 * @param tokens the leading dimensions of `x`, as Reshape takes them.
 */
export function headNorm(
  graph: ModelGraph,
  name: string,
  x: Value,
  weight: Weight,
  epsilon: number,
  heads: number,
  padding: readonly [number, number],
  tokens: readonly number[],
): Value {
  const [group, paddedGroup] = padding;
  const padded = (weight.shape[0]! / group) * paddedGroup;
  const apart = graph.constant(`${name}.apart_shape`, [3], [0, -1, padded]);
  const together = graph.constant(`${name}.together_shape`, [tokens.length + 1], [...tokens, heads * padded]);
  const split = graph.node({ op: 'Reshape', inputs: [x, apart], name: `${name}.apart` });
  const normed = normOfPadded(graph, name, split, weight, epsilon, padding);
  return graph.node({ op: 'Reshape', inputs: [normed, together], name });
}
