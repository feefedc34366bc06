import type { ModelConfig } from './config.js';

/** How logits over the vocabulary become one sparse vector (SPLADE, Formal et al. 2021). */
export interface Splade {
  /** What is made of a component's values at all positions. */
  readonly pooling: 'max' | 'sum';
  /** How often the logarithm of one more is taken of what is positive. */
  readonly logarithms: 1 | 2;
}

/** SPLADE-max, as most models have it. */
export const PLAIN_SPLADE: Splade = { pooling: 'max', logarithms: 1 };

/** Reads a SpladePooling module. @throws KvasirError `invalid_model`, `unsupported_model` */
export function readSplade(config: ModelConfig): Splade {
  const activation = config.choice('activation_function', ['relu', 'log1p_relu'], 'relu');
  return {
    pooling: config.choice('pooling_strategy', ['max', 'sum'], 'max'),
    logarithms: activation === 'relu' ? 1 : 2,
  };
}
