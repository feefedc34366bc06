import type { ModelGraph } from '../model-graph.js';
import { float, int } from '../onnx/attributes.js';
import { NONE, type Value } from '../onnx/graph-builder.js';
import type { Weight } from '../weights/checkpoint.js';
import { padColumns, padGroups, padRows, type Matrix } from '../weights/matrix.js';
import { paddedHeadSize, type AttentionWeights, type Heads } from './attention-projections.js';
import { layerLinear } from './layer-linear.js';
import type { Bias } from './linear.js';
import type { PackedBatch } from './packed-batch.js';
import type { RotaryTables } from './rotary.js';

/** Norms of each head of queries and keys (Henry et al. 2020), of models that have them. */
export interface HeadNorms {
  /** `[head]` */
  readonly query: Weight;
  readonly key: Weight;
  readonly epsilon: number;
}

/**
 * Causal grouped-query attention (Ainslie et al. 2023) over whole texts, for decoders that serve as encoders: nothing is cached. A token
 * sees none behind it, so padding, which is behind all of them, needs no mask.
 *
 * Operator: com.microsoft.GroupQueryAttention.
 *
 * @param x `[tokens, hidden]`
 * @param narrowed whether only the listed rows are wanted.
 * @returns `[rows, hidden]`
 */
export function causalAttention(
  graph: ModelGraph,
  name: string,
  x: Value,
  weights: AttentionWeights,
  { heads, kvHeads, headSize }: Heads,
  batch: PackedBatch,
  narrowed: boolean,
  rotary: RotaryTables,
  norms: HeadNorms | undefined,
): Value {
  const padded = paddedHeadSize(headSize);
  const [half, paddedHalf] = [headSize / 2, padded / 2];
  const { queries: grid, places } = batch.global(narrowed);
  const project = (side: string, matrix: Matrix, bias: Bias | undefined, norm?: Weight): Value => {
    const wide = bias && {
      size: (bias.size / half) * paddedHalf,
      load: async () => padGroups(await bias.load(), half, paddedHalf),
    };
    const value = layerLinear(graph, `${name}.${side}`, x, padRows(matrix, half, paddedHalf), wide);
    const normed =
      norm === undefined
        ? value
        : normHeads(graph, `${name}.${side}.norm`, value, norm, norms!.epsilon, matrix.rows);
    return graph.node({ op: 'Gather', inputs: [normed, grid], name: `${name}.${side}.grid` });
  };
  const attended = graph.node({
    op: 'GroupQueryAttention',
    domain: 'com.microsoft',
    inputs: [
      project('query', weights.query, weights.queryBias, norms?.query),
      project('key', weights.key, weights.keyBias, norms?.key),
      project('value', weights.value, weights.valueBias),
      NONE,
      NONE,
      batch.lastPositions,
      batch.longest,
      rotary.cos,
      rotary.sin,
    ],
    name: `${name}.attention`,
    attributes: {
      num_heads: int(heads),
      kv_num_heads: int(kvHeads),
      do_rotary: int(1),
      scale: float(1 / Math.sqrt(headSize)),
    },
  });
  const shape = graph.shared('attention.rows_shape', () =>
    graph.constant('attention.rows_shape', [2], [-1, heads * padded]),
  );
  const rows = graph.node({ op: 'Reshape', inputs: [attended, shape], name: `${name}.attention.rows` });
  const wanted = graph.node({ op: 'Gather', inputs: [rows, places], name: `${name}.attention.wanted` });
  const output = padColumns(weights.output, half, paddedHalf);
  return layerLinear(graph, `${name}.output`, wanted, output, weights.outputBias);
}

/** The root mean square norm of every head by itself. */
function normHeads(
  graph: ModelGraph,
  name: string,
  x: Value,
  weight: Weight,
  epsilon: number,
  width: number,
): Value {
  const headSize = weight.shape[0]!;
  const shape = (columns: number): Value =>
    graph.shared(`shape.${columns}`, () => graph.constant(`shape.${columns}`, [2], [-1, columns]));
  const heads = graph.node({ op: 'Reshape', inputs: [x, shape(headSize)], name: `${name}.heads` });
  const gamma = graph.floats(`${name}.weight`, weight.shape, () => weight.load());
  const normed = graph.node({
    op: 'SimplifiedLayerNormalization',
    inputs: [heads, gamma],
    name: `${name}.normed`,
    attributes: { epsilon: float(epsilon) },
  });
  return graph.node({ op: 'Reshape', inputs: [normed, shape(width)], name });
}
