import type { TestTensors } from '#test/support/safetensors.js';
import { ReferenceModel, type DecoderConfig } from './decoder.js';
import { ACTIVATIONS, add, layerNorm, multiply, rmsNorm, row, scale, type Vector } from './operations.js';
import { rotate, rotateNeighbours, type Rope } from './rope.js';
import { selfAttention } from './self-attention.js';

/** How a decoder differs from Llama; what is left out is as there. */
export interface Differences {
  /** Root mean square norms, layer norms without a shift, or layer norms without weights. */
  readonly norms?: 'rms' | 'layer' | 'plain layer';
  readonly epsilon?: number;
  /** Where norms stand; `parallel`: both halves read the same stream. */
  readonly placement?: 'before' | 'after' | 'both' | 'parallel';
  /** Names of the norms, in the order in which a layer uses them. */
  readonly normNames?: readonly string[];
  /** Rotary positions of a layer; undefined: none. */
  readonly rope: (layer: number) => Rope | undefined;
  readonly pairs?: 'halves' | 'neighbours';
  readonly window?: (layer: number) => number | undefined;
  /**
   * Norms of queries and keys: of each head, of each behind its rotary positions, of all at once, or layer norms of each
   * head with a scale of its own.
   */
  readonly queryKeyNorms?: 'heads' | 'turned heads' | 'whole' | 'own layer norms';
  /** Names of these norms. */
  readonly queryKeyNames?: readonly [query: string, key: string];
  readonly clip?: number;
  /** Factor of a query by its position. */
  readonly queryFactor?: (position: number) => number;
  readonly activation?: string;
  /** Factors of embeddings, of scores, and of what each half of a layer adds (Granite). */
  readonly embeddingFactor?: number;
  readonly scale?: number;
  readonly updateFactor?: number;
  /** Default: gated, by Llama's names. */
  readonly feedForward?: (model: ReferenceModel, x: Vector, prefix: string) => number[];
}

/** A plain feed-forward layer, `f(x W1 + b1) W2 + b2`. */
export function plain(f: (x: number) => number): NonNullable<Differences['feedForward']> {
  return (model, x, prefix) =>
    model.linear(model.linear(x, `${prefix}.mlp.up_proj`).map(f), `${prefix}.mlp.down_proj`);
}

/** A gated feed-forward layer whose first two matrices are one. */
export function stacked(f: (x: number) => number): NonNullable<Differences['feedForward']> {
  return (model, x, prefix) => {
    const both = model.linear(x, `${prefix}.mlp.gate_up_proj`);
    const half = both.length / 2;
    return model.linear(multiply(both.slice(0, half).map(f), both.slice(half)), `${prefix}.mlp.down_proj`);
  };
}

/** A plain feed-forward layer of xIELU (Huang and Schlag 2024, equation 12) with trained slopes. */
export function xielu(model: ReferenceModel, x: Vector, prefix: string): number[] {
  const value = (name: string): number => model.tensor(`${prefix}.mlp.act_fn.${name}`).values[0]!;
  const softplus = (at: number): number => Math.log(1 + Math.exp(at));
  const [beta, epsilon] = [value('beta'), value('eps')];
  const [above, below] = [softplus(value('alpha_p')), beta + softplus(value('alpha_n'))];
  const f = (at: number): number =>
    at > 0 ? above * at * at + beta * at : below * (Math.exp(Math.min(at, epsilon)) - 1 - at) + beta * at;
  return plain(f)(model, x, prefix);
}

/** Hidden states of every position of a sequence, behind the last norm. */
export function nearLlamaStates(
  config: DecoderConfig,
  tensors: TestTensors,
  ids: readonly number[],
  differences: Differences,
): number[][] {
  const { norms = 'rms', epsilon = config.rms_norm_eps, activation = 'silu' } = differences;
  const model = new ReferenceModel(config, tensors);
  const gate = ACTIVATIONS[activation]!;
  const fed = differences.feedForward ?? ((_, x, prefix) => model.gated(x, `${prefix}.mlp`, gate));
  const normed = (x: Vector, name: string): number[] => {
    if (norms === 'plain layer')
      return layerNorm(
        x,
        x.map(() => 1),
        undefined,
        epsilon,
      );
    const weight = model.tensor(`${name}.weight`).values;
    return norms === 'layer' ? layerNorm(x, weight, undefined, epsilon) : rmsNorm(x, weight, epsilon);
  };
  const { embeddingFactor = 1, updateFactor = 1 } = differences;
  let states = ids.map(id => scale(row(model.tensor('model.embed_tokens.weight'), id), embeddingFactor));
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const prefix = `model.layers.${layer}`;
    const attend = (inputs: readonly Vector[]): number[][] =>
      attention(model, inputs, layer, differences).map(x => scale(x, updateFactor));
    const feed = (x: Vector): number[] => scale(fed(model, x, prefix), updateFactor);
    const norm = (x: Vector, nth: number, names: readonly string[]): number[] =>
      normed(x, `${prefix}.${(differences.normNames ?? names)[nth]!}`);
    states = LAYERS[differences.placement ?? 'before'](states, attend, feed, norm);
  }
  return states.map(x => normed(x, 'model.norm'));
}

type Layer = (
  states: readonly Vector[],
  attend: (inputs: readonly Vector[]) => number[][],
  feed: (x: Vector) => number[],
  norm: (x: Vector, nth: number, names: readonly string[]) => number[],
) => number[][];

const PRE = ['input_layernorm', 'post_attention_layernorm'];
const POST = ['post_attention_layernorm', 'post_feedforward_layernorm'];

const LAYERS: Readonly<Record<NonNullable<Differences['placement']>, Layer>> = {
  before(states, attend, feed, norm) {
    const attended = attend(states.map(x => norm(x, 0, PRE)));
    return states.map((state, i) => {
      const x = add(state, attended[i]!);
      return add(x, feed(norm(x, 1, PRE)));
    });
  },
  after(states, attend, feed, norm) {
    const attended = attend(states);
    return states.map((state, i) => {
      const x = add(state, norm(attended[i]!, 0, POST));
      return add(x, norm(feed(x), 1, POST));
    });
  },
  both(states, attend, feed, norm) {
    const attended = attend(states.map(x => norm(x, 0, PRE)));
    return states.map((state, i) => {
      const x = add(state, norm(attended[i]!, 1, PRE));
      return add(x, norm(feed(norm(x, 2, PRE)), 3, PRE));
    });
  },
  parallel(states, attend, feed, norm) {
    const inputs = states.map(x => norm(x, 0, PRE));
    const attended = attend(inputs);
    return states.map((state, i) => add(add(state, attended[i]!), feed(inputs[i]!)));
  },
};

function attention(
  model: ReferenceModel,
  inputs: readonly Vector[],
  layer: number,
  differences: Differences,
): number[][] {
  const { rope, pairs, window, scale: factor, clip, queryFactor } = differences;
  const { queryKeyNorms, queryKeyNames } = differences;
  const { config, headSize } = model;
  const prefix = `model.layers.${layer}.self_attn`;
  const names = { query: 'q_proj', key: 'k_proj', value: 'v_proj' };
  const norms = { query: queryKeyNames?.[0] ?? 'q_norm', key: queryKeyNames?.[1] ?? 'k_norm' };
  const turned = rope(layer);
  const normed = (side: 'query' | 'key', x: Vector): number[] => model.norm(x, `${prefix}.${norms[side]}`);
  const ownNormed = (side: 'query' | 'key', x: Vector, index: number): number[] => {
    const scales = model.tensor(`${prefix}.${norms[side]}.weight`);
    return layerNorm(x, row(scales, index), undefined, differences.epsilon!);
  };
  const turn = (head: number[], position: number): number[] => {
    if (turned === undefined) return head;
    return pairs === 'neighbours' ? rotateNeighbours(head, position, turned) : rotate(head, position, turned);
  };
  const kept = (value: number): number =>
    clip === undefined ? value : Math.min(clip, Math.max(-clip, value));
  return selfAttention(inputs, {
    heads: config.num_attention_heads,
    kvHeads: config.num_key_value_heads,
    headSize,
    is_causal: config.is_causal,
    window: window?.(layer),
    ...(factor !== undefined && { scale: factor }),
    project(side, x) {
      const projected = model.linear(x, `${prefix}.${names[side]}`);
      const whole = queryKeyNorms === 'whole' && side !== 'value' ? normed(side, projected) : projected;
      return whole.map(kept);
    },
    output: x => model.linear(x, `${prefix}.o_proj`),
    ...(queryKeyNorms === 'heads' && { norm: normed }),
    ...(queryKeyNorms === 'own layer norms' && { norm: ownNormed }),
    turn(head, position, side) {
      const at = turn(head, position);
      const result = queryKeyNorms === 'turned heads' ? normed(side, at) : at;
      return side === 'query' && queryFactor !== undefined
        ? result.map(value => value * queryFactor(position))
        : result;
    },
  });
}
