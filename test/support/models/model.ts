import { logitsOf, type DecoderConfig, type LogitsFields } from '#test/reference/decoder.js';
import type { Reference } from '#test/support/check-decoder.js';
import { randomTensors, type Shapes } from '#test/support/random-tensors.js';
import type { TestTensors } from '#test/support/safetensors.js';

/** A tiny model with random weights, and the hidden states and logits that it must have. */
export interface CaseModel {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: TestTensors;
  /** Hidden states behind the last norm. */
  readonly states: Reference;
  /** The same with `is_causal: false` in config.json. */
  readonly statesBothWays: Reference;
  /** Logits. */
  readonly reference: Reference;
}

/**
 * Sizes that most cases share: heads of 8, which the graph must pad, each key and value head for two of
 * queries.
 */
export const SIZES = {
  hidden_size: 48,
  intermediate_size: 80,
  num_hidden_layers: 3,
  num_attention_heads: 6,
  num_key_value_heads: 3,
  vocab_size: 61,
  max_position_embeddings: 20,
  rms_norm_eps: 1e-5,
  rope_theta: 100,
} as const;

type Config = DecoderConfig & { readonly intermediate_size: number };

/**
 * A case whose weights have the given shapes.
 *
 * @param adjust changes a random number of a tensor, where a model would blow up what is lost of it.
 */
export function caseModel<C extends object>(
  name: string,
  config: C,
  shapes: Shapes,
  states: (config: C, tensors: TestTensors, ids: readonly number[]) => number[][],
  logits: LogitsFields = {},
  adjust = (_name: string, value: number): number => value,
): CaseModel {
  const tensors = Object.fromEntries(
    Object.entries(randomTensors(shapes)).map(([name, { shape, values }]) => [
      name,
      { shape, values: values.map(value => Math.fround(adjust(name, value))) },
    ]),
  );
  const causal = remembered(ids => states(config, tensors, ids));
  return {
    name,
    config: Object.fromEntries(Object.entries(config)),
    tensors,
    states: causal,
    statesBothWays: remembered(ids => states({ ...config, is_causal: false }, tensors, ids)),
    reference: remembered(ids => logitsOf(causal(ids), tensors, logits)),
  };
}

/** A reference that works a text out once: several tests of a model ask for the same texts. */
function remembered(reference: Reference): Reference {
  const known = new Map<string, number[][]>();
  return ids => {
    const key = ids.join();
    const result = known.get(key) ?? reference(ids);
    known.set(key, result);
    return result;
  };
}

/** The direction of attention that a case's config.json has, for references that read no more of it. */
export function directionOf(config: { readonly is_causal?: boolean }): { is_causal: boolean | undefined } {
  return { is_causal: config.is_causal };
}

/** Shapes of a decoder by Llama's names, given those of a layer beside its two norms. */
export function decoderShapes(
  config: DecoderConfig,
  isTied: boolean,
  layer: (index: number) => Shapes,
): Shapes {
  const { hidden_size: hidden } = config;
  const vocabulary = SIZES.vocab_size;
  const result: Record<string, readonly number[]> = {
    'model.embed_tokens.weight': [vocabulary, hidden],
    'model.norm.weight': [hidden],
  };
  if (!isTied) result['lm_head.weight'] = [vocabulary, hidden];
  for (let index = 0; index < config.num_hidden_layers; index++) {
    const shapes = {
      'input_layernorm.weight': [hidden],
      'post_attention_layernorm.weight': [hidden],
      ...layer(index),
    };
    for (const [name, shape] of Object.entries(shapes)) result[`model.layers.${index}.${name}`] = shape;
  }
  return result;
}

/** Shapes of a layer's four projections, of which the first `biased` have a bias. */
export function attentionShapes(config: DecoderConfig, biased = 0): Shapes {
  const { hidden_size: hidden, num_attention_heads: heads, num_key_value_heads: kvHeads } = config;
  const headSize = config.head_dim ?? hidden / heads;
  const sizes: [string, number, number][] = [
    ['q_proj', heads * headSize, hidden],
    ['k_proj', kvHeads * headSize, hidden],
    ['v_proj', kvHeads * headSize, hidden],
    ['o_proj', hidden, heads * headSize],
  ];
  return Object.fromEntries(
    sizes.flatMap(([name, rows, columns], i) => [
      [`self_attn.${name}.weight`, [rows, columns]],
      ...(i < biased ? [[`self_attn.${name}.bias`, [rows]] as const] : []),
    ]),
  ) as Shapes;
}

/** Shapes of norms of each head of queries and keys. */
export function headNormShapes(headSize: number): Shapes {
  return { 'self_attn.q_norm.weight': [headSize], 'self_attn.k_norm.weight': [headSize] };
}

/** Shapes of a gated feed-forward layer. */
export function gatedShapes(name: string, hidden: number, inner: number): Shapes {
  return {
    [`${name}.gate_proj.weight`]: [inner, hidden],
    [`${name}.up_proj.weight`]: [inner, hidden],
    [`${name}.down_proj.weight`]: [hidden, inner],
  };
}

/** Attention and gated feed-forward layer. */
export function llamaLayerShapes(config: Config, biased = 0): Shapes {
  return {
    ...attentionShapes(config, biased),
    ...gatedShapes('mlp', config.hidden_size, config.intermediate_size),
  };
}
