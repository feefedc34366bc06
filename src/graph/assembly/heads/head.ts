import { linear } from '../../blocks/linear.js';
import { headTransform, type TransformWeights } from '../../blocks/prediction-head.js';
import type { PoolingMode } from '../../sentence-pooling.js';
import type { Value } from '../../onnx/graph-builder.js';
import type { EncoderSource } from '../encoder-architecture.js';

/** The tokens that the graph's input `rows` lists; undefined where it has no such input. */
export type ListedRows = 'first' | 'last' | 'positions' | undefined;

/** Writes the logits of a few tokens of the vocabulary, float32 `[rows, ids]`, behind the rows that are wanted. */
export type LogitsOfTokens = (ids: readonly number[]) => Value;

/** A head on an encoder's hidden states. */
export interface Head {
  readonly listed: ListedRows;
  /** Width of a result row. */
  readonly width: number;
  /** True if it asks for logits of tokens; the family must be one that writes texts. */
  readonly readsVocabulary?: boolean;
  /**
   * @param hidden `[tokens, hidden]`; where rows are listed, `[rows, hidden]`
   * @param logitsOf given where {@link readsVocabulary} is set.
   */
  write(source: EncoderSource, hidden: Value, logitsOf?: LogitsOfTokens): Value;
}

/** A head that projects onto labels, by the names of its weights. */
export interface ProjectionDesign {
  /** A layer before the projection. */
  readonly transform?: (source: EncoderSource) => TransformWeights;
  readonly projection: string;
  /** True if the projection has a bias, which is the default. */
  readonly hasBias?: boolean | undefined;
}

/** Logits of labels, `[rows, labels]`. */
export function projectOntoLabels(
  source: EncoderSource,
  x: Value,
  { transform, projection, hasBias = true }: ProjectionDesign,
  labels: number,
): Value {
  const { graph, weights, sizes } = source;
  const transformed = transform === undefined ? x : headTransform(graph, 'head', x, transform(source));
  const bias = hasBias ? weights.bias(projection, labels) : undefined;
  const matrix = weights.matrix(projection, labels, sizes.hiddenSize);
  return linear(graph, 'labels', transformed, matrix, bias);
}

/**
 * The rows that the pooling needs: where one token stands for its text, the last layer computes its row
 * alone.
 */
export function listedBy(modes: readonly PoolingMode[]): ListedRows {
  const [mode, ...others] = modes;
  if (others.length > 0) return undefined;
  return mode === 'cls' ? 'first' : mode === 'lasttoken' ? 'last' : undefined;
}
