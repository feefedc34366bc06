import {
  packAttention,
  type AttentionOptions,
  type AttentionWeights,
} from '../../blocks/attention-projections.js';
import { crossAttention, sourceLengths } from '../../blocks/cross-attention.js';
import { embed, embeddingTable, outputProjection } from '../../blocks/embedding.js';
import { cacheLengths, groupedQueryAttention } from '../../blocks/grouped-query-attention.js';
import { positionsInRun } from '../../blocks/learned-positions.js';
import { causalRelativePositionBias } from '../../blocks/relative-position-bias.js';
import { sharedCrossAttention, sharedSources } from '../../blocks/shared-cross-attention.js';
import { DataType, type Value } from '../../onnx/graph-builder.js';
import { vocabularyHead } from '../heads/language-model.js';
import type { LayerStack, Seq2SeqArchitecture, Seq2SeqSource } from './architecture.js';
import { isWaveform } from './sound-shape.js';
import { writeStack } from './stack.js';

/**
 * Writes the decoder of an encoder-decoder. The graph has the inputs `input_ids` (int64 `[batch, sequence]`),
 * those of {@link cacheLengths}, `past.N.key` and `past.N.value` ({@link groupedQueryAttention}), and
 * `logits_positions`; the outputs `present.N.key`, `present.N.value`, and those of {@link vocabularyHead}. Where it
 * reads sources of any length it has the inputs and outputs of {@link sourceLengths} and {@link crossAttention}, where
 * they are whole windows of sound those of {@link sharedSources} and {@link sharedCrossAttention}.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`
 */
export function writeSeq2SeqDecoder(architecture: Seq2SeqArchitecture, source: Seq2SeqSource): void {
  const { graph, sizes } = source;
  const design = architecture.decoder(source);
  const ids = graph.input('input_ids', DataType.INT64, ['batch', 'sequence']);
  const lengths = cacheLengths(graph);
  const attendToSources = sourceAttention(source);
  const positions = () => graph.shared('positions', () => positionsInRun(graph, 'positions', ids, lengths));
  const table = embeddingTable(graph, 'embedding', design.words);
  const embedded = embed(graph, 'embedded', table, ids);
  const x = design.afterEmbedding?.(embedded, positions) ?? embedded;
  const options = crossOptions(design);
  const own = { ...options, rotary: design.rotary?.() };
  const hidden = writeStack(design, design.layers, x, (name, layer, index) => ({
    attention: value => {
      const { attention, relativePositions: relative } = layer;
      const bias =
        relative &&
        graph.shared(relative.name, () =>
          causalRelativePositionBias(graph, relative.name, relative, positions(), lengths.longest),
        );
      return groupedQueryAttention(graph, name, index, value, packAttention(attention), own, lengths, bias);
    },
    cross: {
      attention: value => attendToSources(`${name}.cross`, index, value, layer.crossAttention, options),
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

/** Attention to sources: of any lengths, or to windows of sound, which are always whole. */
function sourceAttention({ graph, sizes: { sound, sourceLength } }: Seq2SeqSource) {
  type Attend = (
    name: string,
    layer: number,
    x: Value,
    weights: AttentionWeights,
    options: AttentionOptions,
  ) => Value;
  if (sound === undefined || isWaveform(sound)) {
    const lengths = sourceLengths(graph);
    const attend: Attend = (...layer) => crossAttention(graph, ...layer, lengths);
    return attend;
  }
  const sources = sharedSources(graph);
  const attend: Attend = (...layer) => sharedCrossAttention(graph, ...layer, sources, sourceLength);
  return attend;
}

/** The heads of a decoder's attention, towards itself and towards the source. */
export function crossOptions({ heads, headSize, scale }: LayerStack): AttentionOptions {
  return { heads, kvHeads: heads, headSize, scale, rotary: undefined };
}
