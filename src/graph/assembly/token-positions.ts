import { positionsInRun } from '../blocks/learned-positions.js';
import { rotateHeads, rotateTokens } from '../blocks/packed-rotary.js';
import { DataType, type Value } from '../onnx/graph-builder.js';
import type { RotaryTables } from '../blocks/rotary.js';
import type { DecoderCache, DecoderLayer } from './decoder-design.js';
import type { DecoderSource } from './decoder-source.js';

/**
 * Positions of a run's tokens, for what adds or multiplies by them: `[batch, sequence]` with a cache in slots,
 * `[tokens, 1]` in a mixed run, `[tokens]` where texts come whole.
 *
 * @param ids shaped alike.
 * @throws KvasirError `unsupported_model` with a paged cache, whose operator tells nobody else where tokens stand
 */
export function tokenPositions({ graph, config }: DecoderSource, ids: Value, cache: DecoderCache): Value {
  if (cache.kind === 'packed') return cache.batch.positions;
  if (cache.kind === 'paged')
    return config.unsupported('a paged KV cache needs rotary positions alone, and here positions do more');
  return graph.shared('positions', () =>
    cache.kind === 'slots'
      ? positionsInRun(graph, 'positions', ids, cache.lengths)
      : graph.input('position_ids', DataType.INT64, ['tokens', 1]),
  );
}

/** Turns all heads of queries or keys of a layer, where something stands between that and the attention. */
export function turnHeads(
  { source, ids, cache }: DecoderLayer,
  name: string,
  x: Value,
  heads: number,
  tables: RotaryTables,
): Value {
  if (cache.kind === 'packed')
    return rotateHeads(source.graph, name, x, heads, tables.features, { tables, batch: cache.batch });
  return rotateTokens(source.graph, name, x, heads, tables, tokenPositions(source, ids, cache));
}

/**
 * A factor of each token by its position, `[...tokens, 1]`.
 *
 * @param name of its table, one for all layers.
 */
export function factorByPosition(
  { source, ids, cache }: DecoderLayer,
  name: string,
  factor: (position: number) => number,
): Value {
  const { graph, sizes } = source;
  return graph.shared(name, () => {
    const length = sizes.contextLength;
    const table = graph.floats(`${name}.table`, [length, 1], () =>
      Float32Array.from({ length }, (_, i) => factor(i)),
    );
    return graph.node({ op: 'Gather', inputs: [table, tokenPositions(source, ids, cache)], name });
  });
}
