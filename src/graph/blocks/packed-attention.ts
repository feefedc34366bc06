import type { ModelGraph } from '../model-graph.js';
import { NONE, type Value } from '../onnx/graph-builder.js';
import {
  attentionAttributes,
  paddedHeadSize,
  projectHeads,
  projectOutput,
  type AttentionOptions,
  type PackedAttentionWeights,
  type ProjectedAttention,
} from './attention-projections.js';
import { wantedRows } from './grid-attention.js';
import { changesOfScores } from './grouped-query-attention.js';
import type { PackedBatch } from './packed-batch.js';

/**
 * Causal grouped-query attention (Ainslie et al. 2023) over whole texts, for decoders that serve as encoders:
 * nothing is kept. A token sees none behind it, so padding, which is behind all of them, needs no mask.
 *
 * Operator: com.microsoft.GroupQueryAttention.
 *
 * @param x `[tokens, hidden]`
 * @param isNarrowed whether only the listed rows are wanted.
 * @returns `[tokens, hidden]`, or `[rows, hidden]`
 */
export function packedAttention(
  graph: ModelGraph,
  name: string,
  x: Value,
  weights: PackedAttentionWeights | ProjectedAttention,
  options: AttentionOptions,
  batch: PackedBatch,
  isNarrowed: boolean,
): Value {
  const { heads, headSize } = options;
  const { queries: grid, places } = batch.global(isNarrowed);
  // Layers may share keys and values.
  const inGrid = (value: Value): Value =>
    value === NONE
      ? NONE
      : graph.shared(`${value}.grid`, () =>
          graph.node({ op: 'Gather', inputs: [value, grid], name: `${value}.grid` }),
        );
  const attended = graph.node({
    op: 'GroupQueryAttention',
    domain: 'com.microsoft',
    inputs: [
      ...projectHeads(graph, name, x, weights, options, [-1]).map(inGrid),
      NONE,
      NONE,
      batch.lastPositions,
      batch.longest,
      ...changesOfScores(graph, name, options, batch.keyBias(options.keyBias)),
    ],
    name: `${name}.attention`,
    attributes: attentionAttributes(options),
  });
  const wanted = wantedRows(graph, name, attended, heads * paddedHeadSize(headSize), { places });
  return projectOutput(graph, name, wanted, weights, options);
}
