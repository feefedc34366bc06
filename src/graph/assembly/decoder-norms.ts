import { layerNorm } from '../blocks/layer-norm.js';
import { rmsNorm } from '../blocks/normalization.js';
import type { Weight } from '../weights/checkpoint.js';
import { ones } from '../weights/ones.js';
import type { DecoderNorm } from './decoder-design.js';
import type { DecoderSource } from './decoder-source.js';

/** The form in which norms store their weights: as they multiply, or less 1 (Gemma). */
export type NormStorage = 'plain' | 'zero-centred';

/** Root mean square norms whose epsilon is `rms_norm_eps`. */
export function rmsNorms(
  { graph, config, sizes }: DecoderSource,
  storage: NormStorage = 'plain',
): DecoderNorm {
  const epsilon = config.positive('rms_norm_eps', 1e-6);
  return (name, residual, weights, weightName) =>
    rmsNorm(graph, name, residual, normScale(weights.scale(weightName, sizes.hiddenSize), storage), epsilon);
}

/** What sets a family's layer norms apart. */
export interface LayerNormForm {
  /** Default: `plain`. */
  readonly storage?: NormStorage;
  /** False: they have no shift. Default: true. */
  readonly shifted?: boolean;
}

/**
 * Layer norms.
 *
 * @param epsilon its value, or the field of config.json that has it.
 */
export function layerNorms(
  { graph, config, sizes }: DecoderSource,
  epsilon: string | number,
  { storage = 'plain', shifted = true }: LayerNormForm = {},
): DecoderNorm {
  const value = typeof epsilon === 'number' ? epsilon : config.positive(epsilon, 1e-5);
  return (name, residual, weights, weightName) => {
    const norm = weights.norm(weightName, sizes.hiddenSize, value, shifted);
    return layerNorm(graph, name, residual, { ...norm, weight: normScale(norm.weight, storage) });
  };
}

/** Layer norms that have no weights at all (OLMo, Groeneveld et al. 2024). */
export function plainLayerNorms({ graph, sizes }: DecoderSource, epsilon: number): DecoderNorm {
  return (name, residual) =>
    layerNorm(graph, name, residual, { weight: ones(name, sizes.hiddenSize), bias: undefined, epsilon });
}

/** A norm's weight as it multiplies. */
export function normScale(weight: Weight, storage: NormStorage): Weight {
  if (storage === 'plain') return weight;
  return { ...weight, load: async (first, last) => (await weight.load(first, last)).map(value => value + 1) };
}
