import type { TestTensors } from '#test/support/safetensors.js';
import { head } from './attention.js';
import { add, layerNorm, linear, multiply, row, type Vector } from './operations.js';
import { selfAttention, type AttentionParts } from './self-attention.js';

export type Side = 'query' | 'key' | 'value';

/** What decoders with layer norms differ in; names are those of weights, without `.weight`. */
export interface LayerNormDecoder {
  readonly layers: number;
  readonly epsilon: number;
  /** Where layers are, without their number. */
  readonly prefix: string;
  readonly embedding: string;
  /** The last norm; undefined: there is none. */
  readonly lastNorm: string | undefined;
  /** Norms of the halves of a layer; of a single one, both halves read the same. */
  readonly norms: readonly string[];
  /** Whether norms stand before the halves, before both at once, or behind each. */
  readonly order: 'pre' | 'parallel' | 'post';
  readonly output: string;
  readonly up: string;
  readonly down: string;
  readonly activation: (x: number) => number;
  /** What the activation is on, where it is a factor of what goes up; undefined: that itself. */
  readonly gate?: string;
  /** What the stored weights of norms lack. */
  readonly offset?: number;
  readonly shape: Pick<AttentionParts, 'heads' | 'kvHeads' | 'headSize'>;
  /** Queries, keys or values of one position by a layer's linear layers. */
  project(side: Side, by: (name: string) => number[]): number[];
  readonly attention?: Pick<AttentionParts, 'turn' | 'scale' | 'bias'>;
  /** The norm of a head of queries or keys, by the weights below a name. */
  headNorm?(
    model: LayerNormWeights,
    within: string,
    side: 'query' | 'key',
    head: number[],
    index: number,
  ): number[];
  readonly window?: (layer: number) => number | undefined;
  /** Changes the embedding of a position. */
  embed?(model: LayerNormWeights, embedded: number[], position: number): number[];
  /** Changes the last hidden states. */
  last?(model: LayerNormWeights, x: number[]): number[];
}

/** A model's weights by their names. */
export class LayerNormWeights {
  constructor(
    readonly tensors: TestTensors,
    readonly epsilon: number,
    readonly offset: number,
  ) {}

  linear(x: Vector, name: string): number[] {
    return linear(x, this.tensors[`${name}.weight`]!, this.tensors[`${name}.bias`]);
  }

  norm(x: Vector, name: string): number[] {
    const weight = this.tensors[`${name}.weight`]!.values.map(value => value + this.offset);
    return layerNorm(x, weight, this.tensors[`${name}.bias`]?.values, this.epsilon);
  }
}

/** Hidden states of every position of a sequence. */
export function layerNormStates(
  config: { readonly is_causal?: boolean },
  tensors: TestTensors,
  ids: readonly number[],
  decoder: LayerNormDecoder,
): number[][] {
  const { prefix, norms, order, offset = 0, epsilon } = decoder;
  const model = new LayerNormWeights(tensors, epsilon, offset);
  let states = ids.map((id, position) => {
    const embedded = row(tensors[`${decoder.embedding}.weight`]!, id);
    return decoder.embed?.(model, embedded, position) ?? embedded;
  });
  for (let layer = 0; layer < decoder.layers; layer++) {
    const own = `${prefix}.${layer}`;
    const [first, second] = norms.map(name => (x: Vector) => model.norm(x, `${own}.${name}`));
    const attend = (inputs: readonly Vector[]): number[][] =>
      selfAttention(inputs, {
        ...decoder.shape,
        ...decoder.attention,
        is_causal: config.is_causal,
        window: decoder.window?.(layer),
        norm: (side, x, index) => decoder.headNorm?.(model, `${own}.self_attn`, side, x, index) ?? x,
        project: (side, x) => decoder.project(side, name => model.linear(x, `${own}.${name}`)),
        output: x => model.linear(x, `${own}.${decoder.output}`),
      });
    const feed = (x: Vector): number[] => {
      const up = model.linear(x, `${own}.${decoder.up}`);
      const inner =
        decoder.gate === undefined
          ? up.map(decoder.activation)
          : multiply(up, model.linear(x, `${own}.${decoder.gate}`).map(decoder.activation));
      return model.linear(inner, `${own}.${decoder.down}`);
    };
    const attended = attend(order === 'post' ? states : states.map(x => first!(x)));
    states = states.map((x, i) => {
      if (order === 'parallel') return add(x, add(attended[i]!, feed((second ?? first!)(x))));
      const between = add(x, attended[i]!);
      if (order === 'pre') return add(between, feed(second!(between)));
      const normed = first!(between);
      return second!(add(normed, feed(normed)));
    });
  }
  return states.map(x => {
    const normed = decoder.lastNorm === undefined ? x : model.norm(x, decoder.lastNorm);
    return decoder.last?.(model, normed) ?? normed;
  });
}

/** Takes queries, keys or values out of what lies together for each head of keys: its queries, its key, its value. */
export function ofGroups(
  fused: Vector,
  side: Side,
  { heads, kvHeads, headSize }: LayerNormDecoder['shape'],
): number[] {
  const shared = heads / kvHeads;
  return Array.from({ length: kvHeads }, (_, group) => {
    const parts = head(fused, group, (shared + 2) * headSize);
    if (side === 'query') return parts.slice(0, shared * headSize);
    return head(parts, side === 'key' ? shared : shared + 1, headSize);
  }).flat();
}

/** ALiBi's penalties by distance (Press et al. 2022), for slopes that are given. */
export function linearBias(slopes: Vector): NonNullable<AttentionParts['bias']> {
  return (h, query, key) => slopes[h]! * (key - query);
}
