import { float, int } from '../onnx/attributes.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, NONE, type Value } from '../onnx/graph-builder.js';
import { padGroups, padRows, type Matrix } from '../weights/matrix.js';
import type { AttentionWeights } from './attention-projections.js';
import { layerLinear } from './layer-linear.js';
import type { Bias } from './linear.js';
import type { AttentionGrid, PackedBatch } from './packed-batch.js';
import type { RotaryTables } from './rotary.js';

/** Added to a score before it is scaled; what is left of such a key after the softmax is exactly 0. */
const SHUT_OUT = -1e9;

/** Heads of attention that sees both ways. */
interface BothWaysHeads {
  readonly heads: number;
  readonly headSize: number;
  /** Factor of scores; default `1 / sqrt(headSize)`. */
  readonly scale?: number | undefined;
}

/** Rotary positions of a batch's tokens. */
interface RotaryPositions {
  readonly tables: RotaryTables;
  readonly batch: PackedBatch;
}

/**
 * Bidirectional multi-head attention (Vaswani et al. 2017) over a packed batch.
 *
 * Padding is shut out without a mask: every head has one more feature, 1 in queries and 0 in keys, but
 * {@link SHUT_OUT} in the key that all padding shares. A mask would keep the operator from its flash kernel
 * (Dao et al. 2022), which never writes the scores to memory.
 *
 * Operator: com.microsoft.MultiHeadAttention.
 *
 * @param x `[tokens, hidden]`
 * @returns `[rows, hidden]`: the wanted rows.
 */
export function multiHeadAttention(
  graph: ModelGraph,
  name: string,
  x: Value,
  weights: AttentionWeights,
  { heads, headSize, scale = 1 / Math.sqrt(headSize) }: BothWaysHeads,
  grid: AttentionGrid,
  rotary?: RotaryPositions,
): Value {
  const size = headSize + 1;
  const widen = (matrix: Matrix): Matrix => padRows(matrix, headSize, size);
  const project = (side: string, matrix: Matrix, bias: Bias | undefined): Value =>
    layerLinear(graph, `${name}.${side}`, x, matrix, bias);
  const rotate = (side: string, value: Value): Value =>
    rotary === undefined
      ? value
      : rotateHeads(graph, `${name}.${side}.rotary`, value, heads, headSize, rotary);
  const query = rotate(
    'query',
    project('query', widen(weights.query), withOnes(weights.queryBias, heads, headSize)),
  );
  const key = rotate('key', project('key', widen(weights.key), withZeros(weights.keyBias, headSize)));
  const value = project('value', weights.value, weights.valueBias);

  const padding = graph.shared('padding.key', () =>
    graph.floats('padding.key', [1, heads * size], () => everyHead(heads, size, SHUT_OUT)),
  );
  // The padding's key comes last, where index -1 finds it; queries and values of padding may be any, here the
  // last token's.
  const keys = graph.node({
    op: 'Concat',
    inputs: [key, padding],
    name: `${name}.keys`,
    attributes: { axis: int(0) },
  });
  const pick = (side: string, source: Value, indices: Value): Value =>
    graph.node({ op: 'Gather', inputs: [source, indices], name: `${name}.${side}.grid` });
  const attended = graph.node({
    op: 'MultiHeadAttention',
    domain: 'com.microsoft',
    inputs: [
      pick('query', query, grid.queries),
      pick('key', keys, grid.keys),
      pick('value', value, grid.keys),
      ...(grid.bias === undefined ? [] : [NONE, NONE, grid.bias]),
    ],
    name: `${name}.attention`,
    attributes: { num_heads: int(heads), scale: float(scale) },
  });
  const shape = graph.shared('attention.rows_shape', () =>
    graph.constant('attention.rows_shape', [2], [-1, heads * headSize]),
  );
  const rows = graph.node({ op: 'Reshape', inputs: [attended, shape], name: `${name}.attention.rows` });
  const wanted = graph.node({ op: 'Gather', inputs: [rows, grid.places], name: `${name}.attention.wanted` });
  return layerLinear(graph, `${name}.output`, wanted, weights.output, weights.outputBias);
}

/** Rotary positions on the first `headSize` features of each head. */
function rotateHeads(
  graph: ModelGraph,
  name: string,
  x: Value,
  heads: number,
  headSize: number,
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
  const rotated = graph.node({
    op: 'RotaryEmbedding',
    domain: 'com.microsoft',
    inputs: [sequences, positions, tables.cos, tables.sin],
    name: `${name}.rotated`,
    attributes: { num_heads: int(heads), rotary_embedding_dim: int(headSize) },
  });
  return graph.node({ op: 'Squeeze', inputs: [rotated, axis], name });
}

/** `[heads, size]` of zeros, but for the last feature of each head. */
function everyHead(heads: number, size: number, last: number): Float32Array {
  const values = new Float32Array(heads * size);
  for (let head = 0; head < heads; head++) values[(head + 1) * size - 1] = last;
  return values;
}

/** The queries' bias, with 1 as each head's last feature. */
function withOnes(bias: Bias | undefined, heads: number, headSize: number): Bias {
  const size = headSize + 1;
  return {
    size: heads * size,
    load: async () => {
      const values = everyHead(heads, size, 1);
      if (bias === undefined) return values;
      return padGroups(await bias.load(), headSize, size).map((value, i) => value + values[i]!);
    },
  };
}

function withZeros(bias: Bias | undefined, headSize: number): Bias | undefined {
  return (
    bias && {
      size: (bias.size / headSize) * (headSize + 1),
      load: async () => padGroups(await bias.load(), headSize, headSize + 1),
    }
  );
}
