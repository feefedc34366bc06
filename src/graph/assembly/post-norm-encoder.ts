import type { Activation } from '../blocks/activation.js';
import { embed } from '../blocks/embedding.js';
import { feedForward } from '../blocks/feed-forward.js';
import { layerNorm } from '../blocks/layer-norm.js';
import { multiHeadAttention } from '../blocks/multi-head-attention.js';
import { addRow, rowsFrom, type Rows } from '../blocks/position-table.js';
import { postNormBlock, type Normalize } from '../blocks/transformer-block.js';
import type { Value } from '../onnx/graph-builder.js';
import type { NormWeights, Vector } from '../weights/model-weights.js';
import { ActivationMagnitudes } from './activation-magnitudes.js';
import { wordTable, type EncoderSource } from './encoder-architecture.js';

/** A family's names of the weights of one layer. */
export interface LayerNames {
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly output: string;
  readonly attentionNorm: string;
  readonly up: string;
  readonly down: string;
  readonly feedForwardNorm: string;
}

/** Differences between families of post-norm encoders. */
export interface PostNormFamily {
  /** Rows that the position table has before the one of a text's first token. */
  readonly firstPosition: number;
  readonly epsilon: number;
  /** Features between the two projections of the feed-forward half. */
  readonly intermediateSize: number;
  readonly activation: Activation;
  /** Position vectors, where they are not `embeddings.position_embeddings.weight` of the checkpoint. */
  readonly positions?: Rows | undefined;
  readonly layer: (index: number) => LayerNames;
  /** Bias on attention scores, `[1, heads, longest, longest]`. */
  readonly attentionBias?: Value | undefined;
}

/**
 * The body that BERT (Devlin et al. 2018) and its descendants share: token, position and segment vectors,
 * summed and normalised, then layers that normalise after each residual sum.
 */
export function postNormEncoder(source: EncoderSource, family: PostNormFamily): Value {
  const { graph, batch, body, sizes } = source;
  const { hiddenSize, segments, contextLength } = sizes;
  const normOf = (weightName: string): NormWeights => body.norm(weightName, hiddenSize, family.epsilon);
  const norm =
    (weights: NormWeights, magnitudes?: Vector): Normalize =>
    (name, residual) => {
      const result = layerNorm(graph, name, residual, weights);
      graph.foresee(result.normalized, { magnitudes });
      return result;
    };

  const words = embed(graph, 'embedded.words', wordTable(source), batch.ids);
  const stored = (): Rows => {
    const rows = family.firstPosition + contextLength;
    const weight = body.weight('embeddings.position_embeddings.weight', [rows, hiddenSize]);
    return rowsFrom(weight, family.firstPosition);
  };
  const segmentName = 'embeddings.token_type_embeddings.weight';
  const hasSegments = body.has(segmentName);
  let positions = family.positions ?? stored();
  // A model with one segment adds the same vector to every token: it goes into the position table.
  if (hasSegments && segments === 1)
    positions = addRow(positions, body.weight(segmentName, [segments, hiddenSize]));
  const table = graph.floats('positions.weight', [positions.rows, hiddenSize], positions.load);
  let update = graph.node({ op: 'Gather', inputs: [table, batch.positions], name: 'embedded.positions' });
  if (hasSegments && segments > 1) {
    const weight = body.weight(segmentName, [segments, hiddenSize]);
    const segmentTable = graph.floats('segments.weight', weight.shape, () => weight.load());
    const vectors = graph.node({
      op: 'Gather',
      inputs: [segmentTable, batch.segments],
      name: 'embedded.segments',
    });
    update = graph.node({ op: 'Add', inputs: [update, vectors], name: 'embedded.places' });
  }
  const embeddingNorm = normOf('embeddings.LayerNorm');
  const expected = graph.format.w8a8 === 'all layers' ? new ActivationMagnitudes(embeddingNorm) : undefined;
  const first = norm(embeddingNorm, expected?.current);
  let x = first('embedding_norm', { stream: words, update }).normalized;

  for (let index = 0; index < sizes.layers; index++) {
    const name = `layer.${index}`;
    const names = family.layer(index);
    const isNarrowed = batch.narrows(index, sizes.layers);
    const linearLayer = (layer: string, rows: number, columns: number) => ({
      matrix: body.matrix(layer, rows, columns),
      bias: body.bias(layer, rows),
    });
    const [query, key, value, output] = [names.query, names.key, names.value, names.output].map(layer =>
      linearLayer(layer, hiddenSize, hiddenSize),
    );
    const up = linearLayer(names.up, family.intermediateSize, hiddenSize);
    const down = linearLayer(names.down, hiddenSize, family.intermediateSize);
    const attention = {
      query: query!.matrix,
      queryBias: query!.bias,
      key: key!.matrix,
      keyBias: key!.bias,
      value: value!.matrix,
      valueBias: value!.bias,
      output: output!.matrix,
      outputBias: output!.bias,
    };
    const attentionNorm = normOf(names.attentionNorm);
    const feedForwardNorm = normOf(names.feedForwardNorm);
    const { activation } = family;
    const parts = { value: value!, output: output!, attentionNorm, up, activation, down, feedForwardNorm };
    const between = expected?.pass(parts);
    const grid = batch.global(isNarrowed, family.attentionBias);
    x = postNormBlock(
      name,
      x,
      {
        attention: input => multiHeadAttention(graph, name, input, attention, sizes, grid),
        feedForward: input =>
          feedForward(
            graph,
            `${name}.feed_forward`,
            input,
            { up: up.matrix, upBias: up.bias, down: down.matrix, downBias: down.bias },
            family.activation,
          ),
      },
      { attention: norm(attentionNorm, between), feedForward: norm(feedForwardNorm, expected?.current) },
      stream => (isNarrowed ? batch.listed(`${name}.wanted`, stream) : stream),
    );
  }
  return x;
}
