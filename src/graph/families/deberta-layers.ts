import type { AttendingLayer, BertDesign } from '../assembly/bert-design.js';
import { normBy } from '../assembly/bert-design.js';
import type { EncoderSizes, EncoderSource } from '../assembly/encoder-architecture.js';
import { dense, type Dense } from '../assembly/layer-weights.js';
import { activate, activationOf } from '../blocks/activation.js';
import type { AttentionWeights } from '../blocks/attention-projections.js';
import { disentangledAttention, type DistanceVectors } from '../blocks/disentangled-attention.js';
import { multiHeadAttention } from '../blocks/multi-head-attention.js';
import { convolveTexts } from '../blocks/text-convolution.js';
import type { ModelConfig } from '../config.js';
import type { Value } from '../onnx/graph-builder.js';
import type { ModelWeights } from '../weights/model-weights.js';

/** Differences between the versions of DeBERTa. */
export interface Version {
  /** @param layer all weights of a layer. */
  attention(layer: ModelWeights, sizes: EncoderSizes): AttentionWeights;
  /** Names of the projections of distances within a layer's attention. */
  readonly distances: { readonly key: string; readonly query: string; readonly keyBias: boolean };
  /** Whether distances may be in buckets, and projections shared with content. */
  readonly hasBuckets: boolean;
}

/** Which comparisons with distances are added to the scores, as `pos_att_type` says it. */
function positionTerms(config: ModelConfig): { readonly toKeys: boolean; readonly toQueries: boolean } {
  const words = config.has('pos_att_type') ? config.wordOrWords('pos_att_type') : [];
  const terms = words.flatMap(word => word.toLowerCase().split('|')).map(word => word.trim());
  for (const term of terms)
    if (term !== 'c2p' && term !== 'p2c' && term !== '') config.unsupported(`pos_att_type has '${term}'`);
  return { toKeys: terms.includes('c2p'), toQueries: terms.includes('p2c') };
}

/** The attention of all layers. */
export function attention(source: EncoderSource, version: Version): NonNullable<BertDesign['attend']> {
  const { graph, config, body, batch, sizes } = source;
  const { heads, headSize, hiddenSize } = sizes;
  const { toKeys, toQueries } = positionTerms(config);
  const terms = 1 + Number(toKeys) + Number(toQueries);
  const shape = { heads, headSize, scale: 1 / Math.sqrt(headSize * terms) };
  const isRelative = config.flag('relative_attention', false) && terms > 1;
  const settings = distanceSettings(config, version);
  const distances = isRelative ? distanceVectors(source, settings) : undefined;
  const isShared = version.hasBuckets && config.flag('share_att_key', false);
  const { key, query, keyBias } = version.distances;
  const projection = (self: ModelWeights, own: string, shared: string, biased: boolean): Dense =>
    dense(self, isShared ? shared : own, hiddenSize, hiddenSize, biased);
  return ({ name, index, weights, isNarrowed }: AttendingLayer, x: Value) => {
    const grid = batch.global(isNarrowed);
    if (distances === undefined) return multiHeadAttention(graph, name, x, weights, shape, grid);
    const self = body.within(`encoder.layer.${index}.attention.self`);
    const projections = {
      key: toKeys ? projection(self, key, 'key_proj', keyBias) : undefined,
      query: toQueries ? projection(self, query, 'query_proj', true) : undefined,
    };
    return disentangledAttention(graph, name, x, weights, shape, distances, projections, grid);
  };
}

/** What config.json says of distances. */
interface DistanceSettings {
  /** Distances beyond are as this one. */
  readonly most: number;
  /** Buckets on each side; 0: a row for each distance. */
  readonly buckets: number;
  readonly isNormed: boolean;
}

function distanceSettings(config: ModelConfig, { hasBuckets }: Version): DistanceSettings {
  // -1 stands for all positions.
  const written = config.finite('max_relative_positions', -1);
  const norms = config.string('norm_rel_ebd', 'none').toLowerCase().split('|');
  return {
    most: written < 1 ? config.size('max_position_embeddings') : config.size('max_relative_positions'),
    buckets: hasBuckets && config.finite('position_buckets', -1) > 0 ? config.size('position_buckets') : 0,
    isNormed: hasBuckets && norms.some(word => word.trim() === 'layer_norm'),
  };
}

function distanceVectors(
  source: EncoderSource,
  { most, buckets, isNormed }: DistanceSettings,
): DistanceVectors {
  const { graph, config, body, sizes } = source;
  const span = buckets > 0 ? buckets : most;
  const weight = body.weight('encoder.rel_embeddings.weight', [2 * span, sizes.hiddenSize]);
  const stored = graph.floats('distances.weight', weight.shape, () => weight.load());
  const norm = normBy(source, config.positive('layer_norm_eps'))('encoder.LayerNorm', sizes.hiddenSize);
  const vectors = isNormed
    ? norm('distances.norm', { stream: stored, update: undefined }).normalized
    : stored;
  const bucketOf = (distance: number): number =>
    buckets > 0 ? logBucket(distance, buckets, most) : distance;
  return {
    vectors,
    contextLength: sizes.contextLength,
    rowOf: distance => Math.min(Math.max(bucketOf(distance) + span, 0), 2 * span - 1),
  };
}

/**
 * The bucket of a distance: short ones have one each, those beyond half of the buckets share them by their logarithm.
 * In single precision, as the models were trained: it decides on which side of a border some distances fall.
 */
export function logBucket(distance: number, buckets: number, most: number): number {
  const { fround } = Math;
  const middle = Math.floor(buckets / 2);
  const size = Math.abs(distance);
  if (size <= middle) return distance;
  const range = fround(Math.log(fround((most - 1) / middle)));
  const share = fround(fround(Math.log(fround(size / middle))) / range);
  return Math.sign(distance) * (Math.ceil(fround(share * (middle - 1))) + middle);
}

/**
 * The convolution over the embeddings, which DeBERTa V2's largest models add to what the first layer gives; undefined
 * where the model has none.
 */
export function convolution(source: EncoderSource): BertDesign['behindLayer'] {
  const { graph, config, body, batch, sizes } = source;
  const { hiddenSize } = sizes;
  const size = config.count('conv_kernel_size', 0);
  const groups = config.size('conv_groups', 1);
  const activation = activationOf(config, 'conv_act', 'tanh');
  if (size === 0) return undefined;
  if (size % 2 === 0) config.unsupported(`conv_kernel_size is ${size}, an even number`);
  return (index, x, embedded) => {
    if (index > 0) return x;
    const own = body.within('encoder.conv');
    const kernel = own.weight('conv.weight', [hiddenSize, hiddenSize / groups, size]);
    const bias = own.bias('conv', hiddenSize);
    const convolved = convolveTexts(graph, 'convolution', embedded, { kernel, bias, groups }, batch);
    const active = activate(graph, 'convolution.active', convolved, activation);
    const update = batch.narrows(index, sizes.layers) ? batch.listed('convolution.wanted', active) : active;
    const norm = normBy(source, config.positive('layer_norm_eps'))('encoder.conv.LayerNorm', hiddenSize);
    return norm('convolution.norm', { stream: x, update }).normalized;
  };
}
