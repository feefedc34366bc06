import { embed, embeddingTable, type EmbeddingTable } from '../blocks/embedding.js';
import type { Residual } from '../blocks/normalization.js';
import type { Value } from '../onnx/graph-builder.js';
import type { Weight } from '../weights/checkpoint.js';
import { bodyOf } from '../weights/model-weights.js';
import { DecoderLayer, LLAMA_NAMES, type DecoderCache, type DecoderDesign } from './decoder-design.js';
import type { DecoderNames } from './decoder-design.js';
import { embeddingSize, type DecoderSource } from './decoder-source.js';

/** A decoder without a head. */
export interface DecoderBody {
  /**
   * Hidden states behind the last norm, `[...tokens, hidden]`; where the batch lists rows, `[rows, hidden]`.
   */
  readonly hidden: Value;
  /** Token embeddings, `[vocabulary, hidden]`, which may be the output projection, too. */
  readonly words: Weight;
  readonly table: EmbeddingTable;
}

/**
 * Writes token embeddings, layers and the last norm.
 *
 * @param ids `[...tokens]`: `[batch, sequence]` with a cache in slots, otherwise `[tokens]`.
 * @throws KvasirError `invalid_model` where a weight is missing or has another shape than config.json says;
 * `unsupported_model`
 */
export function decoderBody(
  source: DecoderSource,
  { normalize, last, afterEmbedding, layer }: DecoderDesign,
  ids: Value,
  cache: DecoderCache,
  names: DecoderNames = LLAMA_NAMES,
): DecoderBody {
  const { graph, sizes } = source;
  const body = bodyOf(source.weights, names.body, `${names.embedding}.weight`);
  const words = body.weight(`${names.embedding}.weight`, [sizes.vocabularySize, embeddingSize(sizes)]);
  const table = embeddingTable(graph, 'embedding', words);
  const embedded = embed(graph, 'embedded', table, ids);
  let residual: Residual = {
    stream: afterEmbedding?.(embedded, ids, body, cache) ?? embedded,
    update: undefined,
  };
  for (let index = 0; index < sizes.layers; index++) {
    const weights = body.within(`${names.layers}.${index}`);
    residual = layer(new DecoderLayer(source, index, weights, ids, cache, normalize), residual);
  }
  const hidden = last?.(residual, body) ?? normalize('final_norm', residual, body, names.norm).normalized;
  return { hidden, words, table };
}
