import { MOST, type ModelConfig } from '../config.js';
import type { ModelGraph } from '../model-graph.js';
import type { ModelWeights } from '../weights/model-weights.js';
import { longestContext } from './rope.js';

/** Sizes of a decoder-only transformer. */
export interface DecoderSizes {
  readonly layers: number;
  readonly hiddenSize: number;
  /** Features of a token's embedding, and of what the head reads; absent: those of a hidden state. */
  readonly embeddingSize?: number;
  readonly heads: number;
  readonly kvHeads: number;
  /** Features of a head, as the model has them. */
  readonly headSize: number;
  readonly vocabularySize: number;
  /** Longest sequence. */
  readonly contextLength: number;
  /**
   * Positions that a token sees in each layer, its own included; undefined: all. Absent: all in all layers.
   */
  readonly windows?: readonly (number | undefined)[];
  /** Heads of keys and values of each layer, where not all are alike. */
  readonly layerHeads?: readonly KeyHeads[];
  /**
   * For each layer the earlier one whose keys and values it reads, and whose window it has; undefined: it has its own.
   * Absent: all have their own.
   */
  readonly keysOf?: readonly (number | undefined)[];
}

/** Heads of keys and values. */
export interface KeyHeads {
  readonly kvHeads: number;
  /** Features of a head, as the model has them; of queries, too. */
  readonly headSize: number;
}

/** Heads of a layer's keys and values. */
export function keyHeads({ kvHeads, headSize, layerHeads }: DecoderSizes, layer: number): KeyHeads {
  return layerHeads?.[layer] ?? { kvHeads, headSize };
}

/** Features of a token's embedding. */
export function embeddingSize({ embeddingSize, hiddenSize }: DecoderSizes): number {
  return embeddingSize ?? hiddenSize;
}

/** The sources of a decoder's graph. */
export interface DecoderSource {
  readonly graph: ModelGraph;
  readonly config: ModelConfig;
  readonly weights: ModelWeights;
  /** With the context that is to be served. */
  readonly sizes: DecoderSizes;
}

/** The same with rotary positions of the family's own where config.json has no section of them. */
export function withOwnRope(
  source: DecoderSource,
  rope_parameters: Readonly<Record<string, unknown>>,
): DecoderSource {
  const { config } = source;
  if (config.has('rope_parameters') || config.has('rope_scaling')) return source;
  return { ...source, config: config.withDefaults({ rope_parameters }) };
}

/** What GPT-2 and its descendants call the fields of sizes, by Llama's names. */
export const GPT_NAMES = {
  hidden_size: 'n_embd',
  num_attention_heads: 'n_head',
  num_hidden_layers: 'n_layer',
  max_position_embeddings: 'n_positions',
} as const;

/** Reads {@link DecoderSizes} from the fields that most families use. */
export function decoderSizes(config: ModelConfig): DecoderSizes {
  const hiddenSize = config.size('hidden_size', undefined, MOST.width);
  const heads = config.size('num_attention_heads');
  const kvHeads = config.size('num_key_value_heads', heads);
  if (heads % kvHeads !== 0)
    config.invalid(`num_attention_heads (${heads}) is no multiple of num_key_value_heads (${kvHeads})`);
  if (!config.has('head_dim') && hiddenSize % heads !== 0)
    config.invalid(`hidden_size (${hiddenSize}) is no multiple of num_attention_heads (${heads})`);
  const headSize = config.size('head_dim', hiddenSize / heads, MOST.width);
  if (headSize % 2 !== 0) config.invalid(`heads of an odd size (${headSize}) cannot be rotated`);
  const contextLength = longestContext(config);
  return {
    layers: config.size('num_hidden_layers', undefined, MOST.layers),
    hiddenSize,
    heads,
    kvHeads,
    headSize,
    vocabularySize: config.size('vocab_size'),
    contextLength,
  };
}

/** {@link decoderSizes} of families that have as many heads of keys as of queries, whatever else is said. */
export function multiHeadSizes(config: ModelConfig): DecoderSizes {
  const sizes = decoderSizes(config);
  return { ...sizes, kvHeads: sizes.heads };
}
