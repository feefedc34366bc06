import type { ModelConfig } from './config.js';

/**
 * How a decoder's logits at the last token of a pair become its score: that of one token, less that of another
 * (Qwen3 Reranker, Zhang et al. 2025).
 */
export interface LogitScore {
  readonly trueId: number;
  /** Undefined: nothing is subtracted. */
  readonly falseId: number | undefined;
}

/** Reads a LogitScore module. @throws KvasirError `invalid_model`, `unsupported_model` */
export function readLogitScore(config: ModelConfig): LogitScore {
  config.choice('module_input_name', ['causal_logits'], 'causal_logits');
  return {
    trueId: config.count('true_token_id'),
    falseId: config.has('false_token_id') ? config.count('false_token_id') : undefined,
  };
}
