import { layerNorm } from '../../blocks/layer-norm.js';
import { linear } from '../../blocks/linear.js';
import { normalize } from '../../blocks/sentence-embedding.js';
import { int } from '../../onnx/attributes.js';
import type { Value } from '../../onnx/graph-builder.js';
import type { NormWeights } from '../../weights/model-weights.js';
import type { VisionHead, VisionSource } from './architecture.js';

/** The vector of one of the first tokens, such as the class token's. */
export function tokenVector(width: number, index = 0): VisionHead {
  return {
    width,
    tokens: index + 1,
    write: ({ graph }, hidden) =>
      graph.node({
        op: 'Gather',
        inputs: [hidden, graph.constant(`token.${index}.index`, [], [index])],
        name: `token.${index}`,
        attributes: { axis: int(1) },
      }),
  };
}

/**
 * The mean of the tokens' vectors.
 *
 * @param from how many of the first tokens have no share.
 */
export function meanVector(width: number, from = 0): VisionHead {
  return {
    width,
    tokens: undefined,
    write({ graph }, hidden) {
      const shared =
        from === 0
          ? hidden
          : graph.node({
              op: 'Slice',
              inputs: [
                hidden,
                ...[from, 2 ** 31 - 1, 1].map((v, i) => graph.constant(`mean.${i}`, [1], [v])),
              ],
              name: 'mean.shared',
            });
      return graph.node({
        op: 'ReduceMean',
        inputs: [shared, graph.constant('mean.axis', [1], [1])],
        name: 'mean',
        attributes: { keepdims: int(0) },
      });
    },
  };
}

/** Several vectors of a picture, side by side. */
export function sideBySide(parts: readonly VisionHead[]): VisionHead {
  return {
    width: parts.reduce((sum, { width }) => sum + width, 0),
    tokens: mostTokens(parts),
    write: (source, hidden) =>
      source.graph.node({
        op: 'Concat',
        inputs: parts.map(part => part.write(source, hidden)),
        name: 'side_by_side',
        attributes: { axis: int(1) },
      }),
  };
}

/** A norm of a vector. */
export function normed(vector: VisionHead, norm: (source: VisionSource) => NormWeights): VisionHead {
  return {
    ...vector,
    write: (source, hidden) =>
      layerNorm(
        source.graph,
        'vector_norm',
        { stream: vector.write(source, hidden), update: undefined },
        norm(source),
      ).normalized,
  };
}

/** A linear layer on a vector, by the name of its weights. */
export function projected(
  vector: VisionHead,
  name: string,
  width: number,
  { hasBias = true }: { readonly hasBias?: boolean } = {},
): VisionHead {
  return {
    width,
    tokens: vector.tokens,
    write(source, hidden) {
      const { graph, weights } = source;
      const bias = hasBias ? weights.bias(name, width) : undefined;
      const matrix = weights.matrix(name, width, vector.width);
      return linear(graph, name, vector.write(source, hidden), matrix, bias);
    },
  };
}

/** The mean of what several heads answer. */
export function meanOf(heads: readonly VisionHead[]): VisionHead {
  return {
    width: heads[0]!.width,
    tokens: mostTokens(heads),
    write(source, hidden) {
      const { graph } = source;
      return graph.node({
        op: 'Mean',
        inputs: heads.map(head => head.write(source, hidden)),
        name: 'mean_of_heads',
      });
    },
  };
}

/** A vector scaled to a length of 1. */
export function unitVector(vector: VisionHead): VisionHead {
  return {
    ...vector,
    write: (source, hidden): Value => normalize(source.graph, 'normalized', vector.write(source, hidden)),
  };
}

function mostTokens(heads: readonly VisionHead[]): number | undefined {
  const counts = heads.map(({ tokens }) => tokens);
  return counts.includes(undefined) ? undefined : Math.max(...(counts as number[]));
}
