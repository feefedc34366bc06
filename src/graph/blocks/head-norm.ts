import { float } from '../onnx/attributes.js';
import type { Value } from '../onnx/graph-builder.js';
import type { ModelGraph } from '../model-graph.js';
import type { Weight } from '../weights/checkpoint.js';
import { padGroups } from '../weights/matrix.js';
import { ones } from '../weights/ones.js';

/** Norms of queries and keys (Henry et al. 2020), and of values where they have one, too (Gemma 3n). */
export interface HeadNorms {
  readonly query: HeadNorm;
  readonly key: HeadNorm;
  readonly value?: HeadNorm | undefined;
  readonly epsilon: number;
}

/** The norm of queries, of keys or of values. */
export interface HeadNorm {
  /**
   * `[headSize]`: each head by itself, all with the same scale; `[heads, headSize]`: each with a scale of its own
   * (Command R+); `[heads × headSize]`: all heads at once (OLMo 2).
   */
  readonly weight: Weight;
  /** True for a layer norm, which takes the mean away first; default: a root mean square norm. */
  readonly isCentred?: boolean;
  /** `[headSize]`; undefined: no shift. */
  readonly bias?: Weight | undefined;
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
 * The norm of every head by itself, or of all heads at once: of as many features as the weight's last dimension has.
 *
 * Heads may be padded, see {@link normOfPadded}; the mean of a layer norm is taken away before, from the features that
 * are no padding.
 *
 * @param x `[...tokens, heads × padded]`
 * @param parts how many of them are normalised, each by itself.
 * @param padding features that are followed by zeros up to so many; a part is one or more such groups.
 * @param tokens the leading dimensions of `x`, as Reshape takes them.
 */
export function headNorm(
  graph: ModelGraph,
  name: string,
  x: Value,
  { weight, bias, isCentred = false }: HeadNorm,
  epsilon: number,
  parts: number,
  padding: readonly [group: number, padded: number],
  tokens: readonly number[],
): Value {
  const [group, paddedGroup] = padding;
  const size = weight.shape.at(-1)!;
  const padded = (size / group) * paddedGroup;
  const isShared = weight.shape.length === 1;
  const vector = (part: string, length: number, load: () => Promise<Float32Array>): Value =>
    graph.floats(`${name}.${part}`, [length], async () => padGroups(await load(), ...padding));
  const scale = isShared ? weight : ones(weight.name, size);
  const apart = graph.constant(`${name}.apart_shape`, [3], [0, -1, padded]);
  const split = graph.node({ op: 'Reshape', inputs: [x, apart], name: `${name}.apart` });
  const part = isCentred ? centred(graph, name, split, size, padding) : split;
  let y = normOfPadded(graph, name, part, scale, epsilon, padding);
  if (bias !== undefined)
    y = graph.node({
      op: 'Add',
      inputs: [y, vector('bias', padded, () => bias.load())],
      name: `${name}.shifted`,
    });
  const width = parts * padded;
  const together = graph.constant(`${name}.together_shape`, [tokens.length + 1], [...tokens, width]);
  if (isShared) return graph.node({ op: 'Reshape', inputs: [y, together], name });
  y = graph.node({ op: 'Reshape', inputs: [y, together], name: `${name}.together` });
  return graph.node({ op: 'Mul', inputs: [y, vector('scales', width, () => weight.load())], name });
}

/** Parts less their means, with zeros in their padding as before. */
function centred(
  graph: ModelGraph,
  name: string,
  x: Value,
  size: number,
  padding: readonly [number, number],
): Value {
  const shares = padGroups(new Float32Array(size).fill(1 / size), ...padding);
  const share = graph.shared(`head_norm.shares.${size}.${padding.join('_')}`, () =>
    graph.floats(`head_norm.shares.${size}.${padding.join('_')}`, [shares.length], () => shares),
  );
  const sum = graph.node({
    op: 'ReduceSum',
    inputs: [x, graph.constant(`${name}.last_axis`, [1], [-1])],
    name: `${name}.sum`,
  });
  const mean = graph.node({ op: 'Mul', inputs: [sum, share], name: `${name}.mean` });
  return graph.node({ op: 'Sub', inputs: [x, mean], name: `${name}.centred` });
}
