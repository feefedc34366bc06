import { KvasirError } from '#errors.js';
import type { ModelGraph } from '../model-graph.js';
import { DataType, NONE, type Value } from '../onnx/graph-builder.js';
import {
  attendOverCache,
  operatorRotary,
  paddedHeadSize,
  projectHeads,
  projectOutput,
  type AttentionOptions,
  type PackedAttentionWeights,
  type ProjectedAttention,
} from './attention-projections.js';
import { attentionSinks } from './grouped-query-attention.js';

/**
 * Inputs that all attention layers of a decoder with a paged cache share: whose the tokens are, and where
 * their keys and values lie.
 */
export interface PagedBatch {
  /** int32 `[batch + 1]`: where each sequence's tokens begin, and where the last one's end. */
  readonly begins: Value;
  /** int32 `[batch]`: positions of each sequence that the cache holds already. */
  readonly pastLengths: Value;
  /** int32 `[batch, blocks]`: the blocks of each sequence, in the order of its positions. */
  readonly blockTable: Value;
  /**
   * int32 `[2]`, in the processor's memory: no sequence has more tokens in this run, and none is longer after
   * it.
   */
  readonly bounds: Value;
}

/** Features of a head that CUDA's flash kernels take, padding included. */
const LARGEST_HEAD = 256;

/** Declares the inputs of {@link PagedBatch}. */
export function pagedBatch(graph: ModelGraph): PagedBatch {
  return {
    begins: graph.input('cumulative_sequence_length', DataType.INT32, ['batch_plus_1']),
    pastLengths: graph.input('past_seqlens', DataType.INT32, ['batch']),
    blockTable: graph.input('block_table', DataType.INT32, ['batch', 'blocks']),
    bounds: graph.input('attention_metadata', DataType.INT32, [2]),
  };
}

/**
 * Causal grouped-query attention over a paged KV cache (Kwon et al. 2023), with rotary positions. Tokens of
 * several sequences stand one after the other without padding, prompts and single tokens alike. Declares the
 * cache as inputs `past.N.key`, `past.N.value` and outputs `present.N.key`, `present.N.value`, all
 * `[blocks, block size, kvHeads, head]`; past and present must be the same memory, which the operator fills
 * in place.
 *
 * Operator: com.microsoft.PagedAttention, which only CUDA has, in 16-bit floats.
 *
 * @param x `[tokens, hidden]`
 * @throws KvasirError `unsupported_model` where the scores have a bias, or heads are larger than its kernels take
 */
export function pagedAttention(
  graph: ModelGraph,
  name: string,
  layer: number,
  x: Value,
  weights: PackedAttentionWeights | ProjectedAttention,
  options: AttentionOptions,
  { begins, pastLengths, blockTable, bounds }: PagedBatch,
): Value {
  const { kvHeads, headSize } = options;
  const rotary = operatorRotary(options);
  if (options.keyBias !== undefined)
    throw new KvasirError(
      'unsupported_model',
      'a paged KV cache takes no bias of attention scores, as ALiBi has it: leave out --kv-cache paged',
    );
  if (paddedHeadSize(headSize) > LARGEST_HEAD)
    throw new KvasirError(
      'unsupported_model',
      `a paged KV cache takes heads of at most ${LARGEST_HEAD} features, and here they have ${headSize}: leave out --kv-cache paged`,
    );
  const projected = projectHeads(graph, name, x, weights, options, [-1]);
  const cacheShape = ['cache_blocks', 'block_size', kvHeads, paddedHeadSize(headSize)];
  const [cos, sin] = rotary === undefined ? [NONE, NONE] : [rotary.cos, rotary.sin];
  // Slot mapping; norms of queries and keys, and scales of a quantized cache.
  const [before, after] = [[NONE], [NONE, NONE, NONE, NONE]];
  const sinks = attentionSinks(graph, name, options);
  const attended = attendOverCache(graph, name, layer, {
    op: 'PagedAttention',
    cacheShape,
    projected,
    others: [begins, pastLengths, blockTable, cos, sin, ...before, sinks, ...after, bounds],
    options,
  });
  return projectOutput(graph, name, attended, weights, options);
}
