import { packAttention, type AttentionOptions } from '../../blocks/attention-projections.js';
import { crossAttention, sourceLengths } from '../../blocks/cross-attention.js';
import { embed, embeddingTable, outputProjection } from '../../blocks/embedding.js';
import { cacheLengths, groupedQueryAttention } from '../../blocks/grouped-query-attention.js';
import { positionsInRun } from '../../blocks/learned-positions.js';
import { causalRelativePositionBias } from '../../blocks/relative-position-bias.js';
import { DataType } from '../../onnx/graph-builder.js';
import { vocabularyHead } from '../heads/language-model.js';
import type { LayerStack, Seq2SeqArchitecture, Seq2SeqSource } from './architecture.js';
import { writeStack } from './stack.js';

/**
 * Writes the decoder of an encoder-decoder. The graph has the inputs `input_ids` (int64 `[batch, sequence]`),
 * those of {@link cacheLengths} and {@link sourceLengths}, `past.N.key` and `past.N.value`
 * ({@link groupedQueryAttention}), `cross.N.key` and `cross.N.value` ({@link crossAttention}), and
 * `logits_positions`; the outputs `present.N.key`, `present.N.value`, `kept.N.key`, `kept.N.value`, those of
 * {@link vocabularyHead}, and where it hears `looks.N` ({@link crossAttention}).
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`
 */
export function writeSeq2SeqDecoder(architecture: Seq2SeqArchitecture, source: Seq2SeqSource): void {
  const { graph, sizes } = source;
  const design = architecture.decoder(source);
  const ids = graph.input('input_ids', DataType.INT64, ['batch', 'sequence']);
  const lengths = cacheLengths(graph);
  const lengthsOfSources = sourceLengths(graph);
  const positions = () => graph.shared('positions', () => positionsInRun(graph, 'positions', ids, lengths));
  const table = embeddingTable(graph, 'embedding', design.words);
  const embedded = embed(graph, 'embedded', table, ids);
  const x = design.afterEmbedding?.(embedded, positions) ?? embedded;
  const options = crossOptions(design);
  const hidden = writeStack(design, design.layers, x, (name, layer, index) => ({
    attention: value => {
      const { attention, relativePositions: relative } = layer;
      const bias =
        relative &&
        graph.shared(relative.name, () =>
          causalRelativePositionBias(graph, relative.name, relative, positions(), lengths.longest),
        );
      return groupedQueryAttention(
        graph,
        name,
        index,
        value,
        packAttention(attention),
        options,
        lengths,
        bias,
      );
    },
    cross: {
      attention: value =>
        crossAttention(
          graph,
          `${name}.cross`,
          index,
          value,
          layer.crossAttention,
          options,
          lengthsOfSources,
          // Where a word is looked for is where it is heard.
          sizes.sound !== undefined,
        ),
      norm: layer.crossAttentionNorm,
    },
  }));
  const { words, output, outputBias } = design;
  const projection = outputProjection(
    graph,
    'output',
    output,
    output.name === words.name ? table : undefined,
  );
  vocabularyHead(graph, hidden, projection, sizes, { bias: outputBias, logSums: true });
}

/** The heads of a decoder's attention, towards itself and towards the source. */
export function crossOptions({ heads, headSize, scale }: LayerStack): AttentionOptions {
  return { heads, kvHeads: heads, headSize, scale, rotary: undefined };
}
