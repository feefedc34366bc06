import { packAttention, type ProjectedHeads } from '../blocks/attention-projections.js';
import type { HeadNorms } from '../blocks/head-norm.js';
import type { Value } from '../onnx/graph-builder.js';
import type { ModelConfig } from '../config.js';
import { ones } from '../weights/ones.js';
import type { DecoderLayer } from './decoder-design.js';
import {
  attend,
  attentionWeights,
  LLAMA_ATTENTION,
  projectedHeads,
  queryWeights,
  type AttentionDesign,
  type AttentionNames,
  type Biases,
} from './decoder-layers.js';
import type { DecoderSizes } from './decoder-source.js';
import { headNorms } from './query-key-norms.js';

/**
 * For each layer the one whose keys and values it reads, where `num_kv_shared_layers` of config.json says so: the last
 * layers read those of the last one before them that has a window, or has none, as they do (Brandon et al. 2024,
 * Gemma 3n).
 *
 * @param fallback how many they are where config.json does not say it.
 * @throws KvasirError `invalid_model`
 */
export function keysOfEarlier(
  config: ModelConfig,
  windows: readonly (number | undefined)[],
  fallback: number,
): (number | undefined)[] {
  const first = windows.length - config.count('num_kv_shared_layers', fallback);
  return windows.map((window, layer) => {
    if (layer < first) return undefined;
    const owner = windows.findLastIndex((other, i) => i < first && other === window);
    return owner < 0
      ? config.invalid(
          `num_kv_shared_layers leaves no layer ${window === undefined ? 'without' : 'with'} a window whose keys layer ${layer} could read`,
        )
      : owner;
  });
}

/** The projections of keys and values, and their norms, that layers have no use for that read another one's. */
const OF_KEYS = /(?:^|\.)layers\.(\d+)\.self_attn\.[kv]_(?:proj|norm)\./;

/** True for a weight of a layer's own keys and values, where it reads those of another one. */
export function isOfUnreadKeys({ keysOf = [] }: DecoderSizes, name: string): boolean {
  const layer = OF_KEYS.exec(name)?.[1];
  return layer !== undefined && keysOf[Number(layer)] !== undefined;
}

/** Attention by Llama's names for layers of which some read the keys and values of others. */
export class SharedKeyAttention {
  /** Of the layers that have their own. */
  readonly #heads = new Map<number, ProjectedHeads>();

  /**
   * Reads the layer's own keys and values, or those of the layer whose it reads, which must have been written before.
   * These stand in both layers' caches, which are the same memory: what the second one writes there again is what is
   * there already.
   *
   * @param design with norms of queries alone, where a layer reads another one's keys.
   */
  attend(
    layer: DecoderLayer,
    x: Value,
    design: AttentionDesign,
    biases: Biases = 'none',
    names: AttentionNames = LLAMA_ATTENTION,
  ): Value {
    const owner = layer.source.sizes.keysOf?.[layer.index];
    if (owner === undefined) {
      const weights = packAttention(attentionWeights(layer, biases, names));
      const projected = projectedHeads(layer, x, weights, design);
      this.#heads.set(layer.index, projected);
      return attend(layer, x, { ...weights, projected }, design);
    }
    const { query, queryBias, ...output } = queryWeights(layer, biases, names);
    const [queries] = projectedHeads(layer, x, { packed: query, packedBias: queryBias }, design, 0);
    const [, keys, values] = this.#heads.get(owner)!;
    return attend(layer, x, { ...output, projected: [queries, keys, values] }, design);
  }
}

/** Norms of queries, keys and values; those of values have no weight. */
export function valueNorms(layer: DecoderLayer): HeadNorms {
  const { headSize } = layer.heads;
  // Of keys there are none in a layer that reads those of another one.
  const isSharing = layer.source.sizes.keysOf?.[layer.index] !== undefined;
  const norms = headNorms(layer, 'plain', isSharing ? ['q_norm', 'q_norm'] : ['q_norm', 'k_norm']);
  return { ...norms, value: { weight: ones(`${layer.name}.value_norm`, headSize) } };
}
