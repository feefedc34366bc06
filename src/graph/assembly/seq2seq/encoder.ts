import { fillCrossCache } from '../../blocks/cross-attention.js';
import { embed, embeddingTable } from '../../blocks/embedding.js';
import { multiHeadAttention } from '../../blocks/multi-head-attention.js';
import { relativePositionBias } from '../../blocks/relative-position-bias.js';
import { sourceBatch } from '../../blocks/source-batch.js';
import type { Seq2SeqArchitecture, Seq2SeqSource } from './architecture.js';
import { crossOptions } from './decoder.js';
import { writeStack } from './stack.js';

/**
 * Writes the encoder of an encoder-decoder, down to the keys and values that the decoder's layers will read.
 * The graph has the inputs of {@link sourceBatch}, and for each layer N of the decoder `cross.N.key` and
 * `cross.N.value` with the outputs `kept.N.key` and `kept.N.value`, see {@link fillCrossCache}.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`
 */
export function writeSeq2SeqEncoder(architecture: Seq2SeqArchitecture, source: Seq2SeqSource): void {
  const { graph } = source;
  const design = architecture.encoder(source);
  const decoder = architecture.decoder(source);
  const { ids, positions, grid, places } = sourceBatch(graph);
  // The table's name is the decoder's where it is the same, so that it is stored once.
  const name = design.words.name === decoder.words.name ? SHARED_TABLE : 'source_embedding';
  const embedded = embed(graph, 'embedded', embeddingTable(graph, name, design.words), ids);
  const x = design.afterEmbedding?.(embedded, () => positions) ?? embedded;
  const hidden = writeStack(design, design.layers, x, (name, { attention, relativePositions }) => ({
    attention: value => {
      const bias =
        relativePositions &&
        graph.shared(relativePositions.name, () =>
          relativePositionBias(graph, relativePositions.name, relativePositions, grid),
        );
      const attentionGrid = { queries: grid, keys: grid, places, bias };
      return multiHeadAttention(graph, name, value, attention, design, attentionGrid);
    },
  }));
  decoder.layers.forEach(({ crossAttention }, index) => {
    fillCrossCache(graph, `source.${index}`, index, hidden, crossAttention, crossOptions(decoder), grid);
  });
}

/** Name of the decoder's token embeddings in both graphs. */
const SHARED_TABLE = 'embedding';

/** True for weights that both graphs of a model have. */
export function isSharedTable(name: string): boolean {
  return name.startsWith(`${SHARED_TABLE}.`);
}
