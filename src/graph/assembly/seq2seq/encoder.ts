import type { AttentionWeights } from '../../blocks/attention-projections.js';
import { fillCrossCache, giveCrossCache } from '../../blocks/cross-attention.js';
import { embed, embeddingTable } from '../../blocks/embedding.js';
import { multiHeadAttention } from '../../blocks/multi-head-attention.js';
import type { AttentionGrid } from '../../blocks/packed-batch.js';
import { relativePositionBias } from '../../blocks/relative-position-bias.js';
import { sourceBatch } from '../../blocks/source-batch.js';
import type { Narrow } from '../../blocks/transformer-block.js';
import type { ModelGraph } from '../../model-graph.js';
import type { Value } from '../../onnx/graph-builder.js';
import type { Weight } from '../../weights/checkpoint.js';
import type { Seq2SeqArchitecture, Seq2SeqSource, TokenStack } from './architecture.js';
import { crossOptions } from './decoder.js';
import { soundStates } from './sound-encoder.js';
import { isWaveform } from './sound-shape.js';
import { writeStack } from './stack.js';

/**
 * Writes the encoder of an encoder-decoder, down to the keys and values that the decoder's layers will read.
 * The graph has the inputs of {@link sourceBatch}, and for each layer N of the decoder `cross.N.key` and
 * `cross.N.value` with the outputs `kept.N.key` and `kept.N.value`, see {@link fillCrossCache}; or the inputs of
 * {@link soundStates} and, where sounds are of any length, that cache, else the outputs of {@link giveCrossCache}.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`
 */
export function writeSeq2SeqEncoder(architecture: Seq2SeqArchitecture, source: Seq2SeqSource): void {
  const { graph, sizes } = source;
  const design = architecture.encoder(source);
  const decoder = architecture.decoder(source);
  const options = crossOptions(decoder);
  const forEachLayer = (give: (name: string, layer: number, weights: AttentionWeights) => void): void =>
    decoder.layers.forEach(({ crossAttention }, layer) => give(`source.${layer}`, layer, crossAttention));
  if ('words' in design) {
    const { hidden, grid } = tokenStates(graph, design, decoder.words);
    forEachLayer((name, layer, weights) =>
      fillCrossCache(graph, name, layer, hidden, weights, options, grid),
    );
  } else {
    const hidden = soundStates(graph, design, sizes);
    forEachLayer((name, layer, weights) =>
      isWaveform(sizes.sound!)
        ? fillCrossCache(graph, name, layer, hidden, weights, options)
        : giveCrossCache(graph, name, layer, hidden, weights, options, sizes.sourceLength),
    );
  }
}

/** @param decoderWords token embeddings of the decoder. */
function tokenStates(
  graph: ModelGraph,
  design: TokenStack,
  decoderWords: Weight,
): { readonly hidden: Value; readonly grid: Value } {
  const { ids, positions, grid, places } = sourceBatch(graph);
  // The table's name is the decoder's where it is the same, so that it is stored once.
  const table = design.words.name === decoderWords.name ? SHARED_TABLE : 'source_embedding';
  const tokens = {
    ids,
    positions: () => positions,
    grid,
    attentionGrid: (bias: Value | undefined) => ({ queries: grid, keys: grid, places, bias }),
  };
  return { hidden: encoderStack(graph, design, tokens, table), grid };
}

/** Tokens that an encoder reads, in one list. */
export interface EncoderTokens {
  /** `[tokens]` */
  readonly ids: Value;
  /** Position of each token in its text. */
  readonly positions: () => Value;
  /** `[texts, longest]` */
  readonly grid: Value;
  /** The places of a layer's queries and keys. */
  readonly attentionGrid: (bias: Value | undefined, layer: number) => AttentionGrid;
  /** The rows that go on behind a layer's attention; default: all. */
  readonly narrow?: (layer: number) => Narrow | undefined;
}

/**
 * Writes the encoder's embeddings, layers and last norm.
 *
 * @param table name of the embeddings.
 * @returns `[rows, hidden]`
 */
export function encoderStack(
  graph: ModelGraph,
  design: TokenStack,
  { ids, positions, grid, attentionGrid, narrow }: EncoderTokens,
  table: string,
): Value {
  const embedded = embed(graph, 'embedded', embeddingTable(graph, table, design.words), ids);
  const x = design.afterEmbedding?.(embedded, positions) ?? embedded;
  return writeStack(design, design.layers, x, (name, { attention, relativePositions: relative }, index) => ({
    attention: value => {
      const bias =
        relative &&
        graph.shared(relative.name, () => relativePositionBias(graph, relative.name, relative, grid));
      return multiHeadAttention(graph, name, value, attention, design, attentionGrid(bias, index));
    },
    narrow: narrow?.(index),
  }));
}

/** Name of the decoder's token embeddings in both graphs. */
const SHARED_TABLE = 'embedding';

/** True for weights that both graphs of a model have. */
export function isSharedTable(name: string): boolean {
  return name.startsWith(`${SHARED_TABLE}.`);
}
