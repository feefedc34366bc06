import type { TestTensor, TestTensors } from '#test/support/safetensors.js';
import { selfAttention, type AttentionParts } from './self-attention.js';
import { add, linear, multiply, rmsNorm, row, scale, softCap, type Vector } from './operations.js';

/** Sizes of a decoder, in the words of its config.json. */
export interface DecoderConfig {
  readonly num_hidden_layers: number;
  readonly hidden_size: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim?: number;
  readonly rms_norm_eps: number;
  readonly is_causal?: boolean;
}

/** A model's tensors, as Hugging Face's `LlamaForCausalLM` and its relatives name them. */
export class ReferenceModel {
  readonly config: DecoderConfig;
  readonly #tensors: TestTensors;

  constructor(config: DecoderConfig, tensors: TestTensors) {
    this.config = config;
    this.#tensors = tensors;
  }

  get headSize(): number {
    return this.config.head_dim ?? this.config.hidden_size / this.config.num_attention_heads;
  }

  tensor(name: string): TestTensor {
    const tensor = this.#tensors[name];
    if (tensor === undefined) throw new Error(`no tensor ${name}`);
    return tensor;
  }

  /** A linear layer, with its bias if it has one. */
  linear(x: Vector, name: string): number[] {
    return linear(x, this.tensor(`${name}.weight`), this.#tensors[`${name}.bias`]);
  }

  /** A root mean square norm whose weight is stored less `offset`. */
  norm(x: Vector, name: string, offset = 0): number[] {
    const weight = this.tensor(`${name}.weight`).values.map(value => value + offset);
    return rmsNorm(x, weight, this.config.rms_norm_eps);
  }

  /** Attention with the four projections of `self_attn`. */
  attention(states: readonly Vector[], layer: number, parts: Partial<AttentionParts> = {}): number[][] {
    const prefix = `model.layers.${layer}.self_attn`;
    const names = { query: 'q_proj', key: 'k_proj', value: 'v_proj' };
    return selfAttention(states, {
      heads: this.config.num_attention_heads,
      kvHeads: this.config.num_key_value_heads,
      headSize: this.headSize,
      is_causal: this.config.is_causal,
      project: (side, x) => this.linear(x, `${prefix}.${names[side]}`),
      output: x => this.linear(x, `${prefix}.o_proj`),
      ...parts,
    });
  }

  /** `(f(x Wg) ⊙ x Wu) Wd` */
  gated(x: Vector, name: string, activation: (x: number) => number): number[] {
    const gate = this.linear(x, `${name}.gate_proj`).map(activation);
    return this.linear(multiply(gate, this.linear(x, `${name}.up_proj`)), `${name}.down_proj`);
  }

  /** Pre-norm layers: `x + attention(norm(x))`, then `x + feedForward(norm(x))`. */
  preNorm(
    states: readonly Vector[],
    layer: number,
    attention: (states: readonly Vector[]) => number[][],
    feedForward: (x: Vector) => number[],
    offset = 0,
  ): number[][] {
    const prefix = `model.layers.${layer}`;
    const normed = states.map(x => this.norm(x, `${prefix}.input_layernorm`, offset));
    const between = attention(normed).map((update, i) => add(states[i]!, update));
    return between.map(x => add(x, feedForward(this.norm(x, `${prefix}.post_attention_layernorm`, offset))));
  }

  /** Hidden states of every position of a sequence, behind the last norm. */
  states(
    ids: readonly number[],
    layer: (states: readonly Vector[], index: number) => number[][],
    { offset = 0, embeddingScale = 1 }: { offset?: number; embeddingScale?: number } = {},
  ): number[][] {
    const embedding = this.tensor('model.embed_tokens.weight');
    let states = ids.map(id => scale(row(embedding, id), embeddingScale));
    for (let index = 0; index < this.config.num_hidden_layers; index++) states = layer(states, index);
    return states.map(x => this.norm(x, 'model.norm', offset));
  }
}

/** The way from hidden states to logits. */
export interface LogitsFields {
  /** Name of the token embeddings, which are the projection where there is no `lm_head`. */
  readonly embedding?: string;
  /** Factor of the logits, before they are capped. */
  readonly factor?: number;
  readonly cap?: number;
}

/** Logits of every position, from its hidden states. */
export function logitsOf(
  states: readonly Vector[],
  tensors: TestTensors,
  { embedding = 'model.embed_tokens.weight', factor = 1, cap }: LogitsFields = {},
): number[][] {
  const projection = tensors['lm_head.weight'] ?? tensors['embed_out.weight'] ?? tensors[embedding]!;
  const bias = tensors['lm_head.bias'];
  return states.map(x => linear(x, projection, bias).map(logit => softCap(logit * factor, cap)));
}
