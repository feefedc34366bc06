import { groupedAttention, mapHeads } from './attention.js';
import type { ReferenceModel } from './decoder.js';
import { add, rmsNorm, row, scale, type Vector } from './operations.js';
import { rotate, type Rope } from './rope.js';

/** A layer's attention in Gemma 3n and 4. */
export interface SharedKeysLayer {
  readonly kvHeads: number;
  readonly headSize: number;
  readonly rope: Rope;
  readonly window: number | undefined;
  /** The layer whose keys and values it reads; undefined: its own. */
  readonly keysOf: number | undefined;
  /** Which projection values come from; default: their own. */
  readonly valueName?: 'k_proj' | 'v_proj';
}

/** Keys and values of each layer that has some, by position. */
export type KeptKeys = Map<number, readonly [keys: number[][], values: number[][]]>;

/**
 * Attention with norms of queries, keys and values, whose scores have no factor, and whose keys and values other layers may read.
 *
 * @param kept what earlier layers have left.
 */
export function sharedKeysAttention(
  model: ReferenceModel,
  states: readonly Vector[],
  layer: number,
  { kvHeads, headSize, rope, window, keysOf, valueName = 'v_proj' }: SharedKeysLayer,
  kept: KeptKeys,
): number[][] {
  const { num_attention_heads: heads, rms_norm_eps: epsilon, is_causal } = model.config;
  const prefix = `model.layers.${layer}.self_attn`;
  const weight = (name: string): Vector => model.tensor(`${prefix}.${name}.weight`).values;
  const headsOf = (name: string, norm: Vector, turned: boolean): number[][] =>
    states.map((x, position) =>
      mapHeads(model.linear(x, `${prefix}.${name}`), headSize, head => {
        const normed = rmsNorm(head, norm, epsilon);
        return turned ? rotate(normed, position, rope) : normed;
      }),
    );
  if (keysOf === undefined) {
    const ones = new Array<number>(headSize).fill(1);
    kept.set(layer, [headsOf('k_proj', weight('k_norm'), true), headsOf(valueName, ones, false)]);
  }
  const [keys, values] = kept.get(keysOf ?? layer)!;
  const queries = headsOf('q_proj', weight('q_norm'), true);
  const shape = { heads, kvHeads, headSize };
  return groupedAttention(queries, keys, values, shape, 1, window, undefined, is_causal === false).map(
    attended => model.linear(attended, `${prefix}.o_proj`),
  );
}

/** Per-layer embeddings: of each token a vector for each layer. */
export interface PerLayerSizes {
  readonly size: number;
  /** Rows of their table; other ids have the first one. */
  readonly rows: number;
}

/** Each layer's vector of a token. */
export function perLayerVectors(
  model: ReferenceModel,
  id: number,
  embedded: Vector,
  { size, rows }: PerLayerSizes,
): number[][] {
  const { num_hidden_layers: layers, hidden_size: hidden, rms_norm_eps: epsilon } = model.config;
  const own = row(model.tensor('model.embed_tokens_per_layer.weight'), id < rows ? id : 0);
  const projected = scale(model.linear(embedded, 'model.per_layer_model_projection'), hidden ** -0.5);
  const norm = model.tensor('model.per_layer_projection_norm.weight').values;
  const part = (x: Vector, layer: number): number[] => x.slice(layer * size, (layer + 1) * size);
  return Array.from({ length: layers }, (_, layer) =>
    scale(
      add(rmsNorm(part(projected, layer), norm, epsilon), scale(part(own, layer), Math.sqrt(size))),
      Math.SQRT1_2,
    ),
  );
}

/** What a layer's vector adds to a state. */
export function perLayerUpdate(
  model: ReferenceModel,
  layer: number,
  state: Vector,
  vector: Vector,
  activation: (x: number) => number,
): number[] {
  const prefix = `model.layers.${layer}`;
  const gate = model.linear(state, `${prefix}.per_layer_input_gate`).map(activation);
  const gated = gate.map((value, i) => value * vector[i]!);
  return model.norm(
    model.linear(gated, `${prefix}.per_layer_projection`),
    `${prefix}.post_per_layer_input_norm`,
  );
}

/** Shapes of what {@link perLayerVectors} reads. */
export function perLayerShapes(layers: number, hidden: number, { size, rows }: PerLayerSizes) {
  return {
    'model.embed_tokens_per_layer.weight': [rows, layers * size],
    'model.per_layer_model_projection.weight': [layers * size, hidden],
    'model.per_layer_projection_norm.weight': [size],
  };
}

/** Shapes of what {@link perLayerUpdate} reads in a layer. */
export function perLayerUpdateShapes(hidden: number, { size }: PerLayerSizes) {
  return {
    'per_layer_input_gate.weight': [size, hidden],
    'per_layer_projection.weight': [hidden, size],
    'post_per_layer_input_norm.weight': [hidden],
  };
}
