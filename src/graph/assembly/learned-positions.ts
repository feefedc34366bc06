import { addPositions } from '../blocks/learned-positions.js';
import type { Rows } from '../blocks/position-table.js';
import type { Value } from '../onnx/graph-builder.js';
import type { DecoderCache } from './decoder-design.js';
import type { DecoderSource } from './decoder-source.js';
import { tokenPositions } from './token-positions.js';

/**
 * Adds a learned vector for each token's position to a decoder's embeddings.
 *
 * @param embedded `[...tokens, hidden]`
 * @param ids `[...tokens]`
 * @param table a row for each position.
 * @throws KvasirError `unsupported_model` for a paged cache, whose graphs have no positions as an input
 */
export function learnedPositions(
  source: DecoderSource,
  embedded: Value,
  ids: Value,
  cache: DecoderCache,
  table: Rows,
): Value {
  const positions = tokenPositions(source, ids, cache);
  return addPositions(source.graph, 'positions', embedded, positions, table, source.sizes.hiddenSize);
}
