import { float, int } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { NONE, type Value } from '../onnx/graph-builder.js';
import type { AttentionGrid } from './packed-batch.js';

/** Added to a score before it is scaled; what is left of such a key after the softmax is exactly 0. */
export const SHUT_OUT = -1e9;

/** Heads of a packed batch, ready for attention. */
export interface PackedHeads {
  /** `[tokens, heads × (headSize + 1)]`: the last feature of each head is {@link QUERY_MARK}. */
  readonly query: Value;
  /** `[tokens, heads × (headSize + 1)]`: the last feature of each head is 0. */
  readonly key: Value;
  /** `[tokens, heads × headSize]` */
  readonly value: Value;
  readonly heads: number;
  readonly headSize: number;
  /** Factor of scores. */
  readonly scale: number;
}

/** What every query has as its last feature, so that a key can shut itself out of every score. */
export const QUERY_MARK = 1;

/**
 * Attention over a grid of a packed batch, where every query sees all keys of its row.
 *
 * Padding is shut out without a mask: every head has one more feature, {@link QUERY_MARK} in queries and 0 in
 * keys, but {@link SHUT_OUT} in the key that all padding shares. A mask would keep the operator from its
 * flash kernel (Dao et al. 2022), which never writes the scores to memory.
 *
 * Operator: com.microsoft.MultiHeadAttention.
 *
 * @returns `[rows, heads × headSize]`: the wanted rows.
 */
export function gridAttention(
  graph: ModelGraph,
  name: string,
  { query, key, value, heads, headSize, scale }: PackedHeads,
  grid: AttentionGrid,
): Value {
  const padded = heads * (headSize + 1);
  const paddingKey = `padding.key.${padded}`;
  const padding = graph.shared(paddingKey, () =>
    graph.floats(paddingKey, [1, padded], () => everyHead(heads, headSize + 1, SHUT_OUT)),
  );
  // The padding's key comes last, where index -1 finds it; queries and values of padding may be any, here the
  // last token's.
  const keys = graph.node({
    op: 'Concat',
    inputs: [key, padding],
    name: `${name}.keys`,
    attributes: { axis: int(0) },
  });
  const attended = graph.node({
    op: 'MultiHeadAttention',
    domain: 'com.microsoft',
    inputs: [
      pickIntoGrid(graph, `${name}.query`, query, grid.queries),
      pickIntoGrid(graph, `${name}.key`, keys, grid.keys),
      pickIntoGrid(graph, `${name}.value`, value, grid.keys),
      ...(grid.bias === undefined ? [] : [NONE, NONE, grid.bias]),
    ],
    name: `${name}.attention`,
    attributes: { num_heads: int(heads), scale: float(scale) },
  });
  return wantedRows(graph, name, attended, heads * headSize, grid);
}

/** Rows of a value `[tokens, width]` where a grid shows them. */
export function pickIntoGrid(graph: ModelGraph, name: string, source: Value, indices: Value): Value {
  return graph.node({ op: 'Gather', inputs: [source, indices], name: `${name}.grid` });
}

/**
 * The wanted rows of what attention gave in its grid.
 *
 * @param attended `[grid rows, queries, width]`
 */
export function wantedRows(
  graph: ModelGraph,
  name: string,
  attended: Value,
  width: number,
  { places }: Pick<AttentionGrid, 'places'>,
): Value {
  const shapeName = `attention.rows_shape.${width}`;
  const shape = graph.shared(shapeName, () => graph.constant(shapeName, [2], [-1, width]));
  const rows = graph.node({ op: 'Reshape', inputs: [attended, shape], name: `${name}.attention.rows` });
  return graph.node({ op: 'Gather', inputs: [rows, places], name: `${name}.attention.wanted` });
}

/** `[heads, size]` of zeros, but for the last feature of each head. */
export function everyHead(heads: number, size: number, last: number): Float32Array {
  const values = new Float32Array(heads * size);
  for (let head = 0; head < heads; head++) values[(head + 1) * size - 1] = last;
  return values;
}
