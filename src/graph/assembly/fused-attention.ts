import type { PackedAttentionWeights } from '../blocks/attention-projections.js';
import type { Value } from '../onnx/graph-builder.js';
import { concat } from '../weights/concat.js';
import { rowsOf, stackRows } from '../weights/matrix.js';
import type { ModelWeights, Vector } from '../weights/model-weights.js';
import type { DecoderLayer } from './decoder-design.js';
import { attend, type AttentionDesign } from './decoder-layers.js';
import type { DecoderSizes } from './decoder-source.js';

/** Rows `[begin, end)`. */
type Rows = readonly [begin: number, end: number];

/**
 * Queries, keys and values of all heads out of one matrix of a checkpoint, which has them in an order of its own.
 *
 * @param columns features that it reads.
 * @param parts its rows in the order of queries, keys, values, head after head.
 * @throws KvasirError `invalid_model` where it is missing or has another shape
 */
export function fusedProjection(
  weights: ModelWeights,
  name: string,
  columns: number,
  parts: readonly Rows[],
  hasBias: boolean,
): Pick<PackedAttentionWeights, 'packed' | 'packedBias'> {
  const rows = parts.reduce((sum, [begin, end]) => sum + end - begin, 0);
  const weight = weights.weight(`${name}.weight`, [rows, columns]);
  return {
    packed: stackRows(parts.map(([begin, end]) => rowsOf(weight, begin, end))),
    packedBias: hasBias ? pick(weights.bias(name, rows), parts) : undefined,
  };
}

/**
 * The parts of a matrix that has, for each head of keys and values, the queries that share it, the key and the value
 * (Megatron-LM, Shoeybi et al. 2019).
 */
export function partsByHead({ heads, kvHeads, headSize }: DecoderSizes): readonly Rows[] {
  const shared = heads / kvHeads;
  const heights: readonly Rows[] = [
    [0, shared],
    [shared, shared + 1],
    [shared + 1, shared + 2],
  ];
  return heights.flatMap(([first, last]) =>
    Array.from({ length: kvHeads }, (_, group): Rows => {
      const begin = group * (shared + 2);
      return [(begin + first) * headSize, (begin + last) * headSize];
    }),
  );
}

/**
 * Attention with the matrix of {@link partsByHead}, `query_key_value`, and `dense` behind it, as descendants of
 * Megatron-LM have them.
 *
 * @param within where both are.
 * @param hasBiases whether both have a bias.
 */
export function megatronAttention(
  layer: DecoderLayer,
  x: Value,
  design: AttentionDesign,
  within: string,
  hasBiases: boolean,
): Value {
  const { sizes } = layer.source;
  const { heads, headSize, hiddenSize } = sizes;
  const own = layer.weights.within(within);
  const weights = {
    ...fusedProjection(own, 'query_key_value', hiddenSize, partsByHead(sizes), hasBiases),
    output: own.matrix('dense', hiddenSize, heads * headSize),
    outputBias: hasBiases ? own.bias('dense', hiddenSize) : undefined,
  };
  return attend(layer, x, weights, design);
}

/** The same elements of a vector. */
function pick(source: Vector, parts: readonly Rows[]): Vector {
  return {
    size: source.size,
    load: async () => {
      const values = await source.load();
      return concat(parts.map(([begin, end]) => values.subarray(begin, end)));
    },
  };
}
