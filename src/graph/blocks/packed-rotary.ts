import { int } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, type Value } from '../onnx/graph-builder.js';
import type { PackedBatch } from './packed-batch.js';
import type { RotaryTables } from './rotary.js';

/** Rotary positions of a batch's tokens. */
export interface RotaryPositions {
  readonly tables: RotaryTables;
  readonly batch: PackedBatch;
}

/**
 * Rotary positions on the first features of each head, at positions that are given.
 *
 * Operator: com.microsoft.RotaryEmbedding.
 *
 * @param x `[rows, sequence, heads × size]`
 * @param positions `[rows, sequence]`
 * @returns the same shape.
 */
export function rotateTokens(
  graph: ModelGraph,
  name: string,
  x: Value,
  heads: number,
  { cos, sin, features }: RotaryTables,
  positions: Value,
): Value {
  return graph.node({
    op: 'RotaryEmbedding',
    domain: 'com.microsoft',
    inputs: [x, positions, cos, sin],
    name,
    attributes: { num_heads: int(heads), rotary_embedding_dim: int(features) },
  });
}

/**
 * Rotary positions on the first features of each head of a packed batch.
 *
 * Operator: com.microsoft.RotaryEmbedding.
 *
 * @param x `[tokens, heads × size]`, of heads of any size.
 * @param features of a head that are turned.
 * @returns the same shape.
 */
export function rotateHeads(
  graph: ModelGraph,
  name: string,
  x: Value,
  heads: number,
  features: number,
  { batch, tables }: RotaryPositions,
): Value {
  // Each token is a sequence of its own: one sequence of all of them may be longer than the tables.
  const axis = graph.shared('rotary.axis', () => graph.constant('rotary.axis', [1], [1]));
  const positions = graph.shared('rotary.positions', () => {
    const wide = graph.node({
      op: 'Cast',
      inputs: [batch.positions],
      name: 'rotary.positions.int64',
      attributes: { to: int(DataType.INT64) },
    });
    return graph.node({ op: 'Unsqueeze', inputs: [wide, axis], name: 'rotary.positions' });
  });
  const sequences = graph.node({ op: 'Unsqueeze', inputs: [x, axis], name: `${name}.sequences` });
  const turned = { ...tables, features };
  const rotated = rotateTokens(graph, `${name}.rotated`, sequences, heads, turned, positions);
  return graph.node({ op: 'Squeeze', inputs: [rotated, axis], name });
}
