import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';
import { padGroups, padRows, type Matrix } from '../weights/matrix.js';
import type { AttentionWeights } from './attention-projections.js';
import { everyHead, gridAttention, QUERY_MARK } from './grid-attention.js';
import { layerLinear } from './layer-linear.js';
import type { Bias } from './linear.js';
import type { AttentionGrid } from './packed-batch.js';
import { rotateHeads, type RotaryPositions } from './packed-rotary.js';

/** Heads of attention that sees both ways. */
interface BothWaysHeads {
  readonly heads: number;
  readonly headSize: number;
  /** Factor of scores; default `1 / sqrt(headSize)`. */
  readonly scale?: number | undefined;
}

/**
 * Bidirectional multi-head attention (Vaswani et al. 2017) over a packed batch; the further feature of each
 * head that {@link gridAttention} asks for comes out of the projections.
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
    project('query', widen(weights.query), withMarks(weights.queryBias, heads, headSize)),
  );
  const key = rotate('key', project('key', widen(weights.key), withZeros(weights.keyBias, headSize)));
  const value = project('value', weights.value, weights.valueBias);
  const attended = gridAttention(graph, name, { query, key, value, heads, headSize, scale }, grid);
  return layerLinear(graph, `${name}.output`, attended, weights.output, weights.outputBias);
}

/** The queries' bias, with the mark as each head's last feature. */
function withMarks(bias: Bias | undefined, heads: number, headSize: number): Bias {
  const size = headSize + 1;
  return {
    size: heads * size,
    load: async () => {
      const values = everyHead(heads, size, QUERY_MARK);
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
