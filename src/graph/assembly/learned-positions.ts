import { addPositions, positionsInRun } from '../blocks/learned-positions.js';
import type { Rows } from '../blocks/position-table.js';
import { DataType, type Value } from '../onnx/graph-builder.js';
import type { DecoderCache } from './decoder-design.js';
import type { DecoderSource } from './decoder-source.js';

/**
 * Adds a learned vector for each token's position to a decoder's embeddings.
 *
 * @param embedded `[...tokens, hidden]`
 * @param ids `[...tokens]`
 * @param table a row for each position.
 * @throws KvasirError `unsupported_model` for a paged cache, whose graphs have no positions as an input
 */
export function learnedPositions(
  { graph, config, sizes }: DecoderSource,
  embedded: Value,
  ids: Value,
  cache: DecoderCache,
  table: Rows,
): Value {
  if (cache.kind === 'paged')
    return config.unsupported('a paged KV cache needs rotary positions, and these are learned');
  const positions =
    cache.kind === 'slots'
      ? positionsInRun(graph, 'positions', ids, cache.lengths)
      : cache.kind === 'mixed'
        ? graph.input('position_ids', DataType.INT64, ['tokens', 1])
        : cache.batch.positions;
  return addPositions(graph, 'positions', embedded, positions, table, sizes.hiddenSize);
}
