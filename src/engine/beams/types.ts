import type { FinishReason, GeneratedToken } from '../types.js';

/**
 * Beam search (Graves 2012; Sutskever et al. 2014), with the scores of transformers' `generate`: hypotheses
 * are extended token by token, and the most probable ones kept.
 */
export interface BeamParameters {
  /** How many hypotheses are extended at once, at least 1 (`num_beams`). Each takes a slot. */
  readonly width: number;
  /**
   * A hypothesis' score is the sum of its tokens' log-probabilities, divided by their number to the power of
   * this: above 0, longer ones gain by it. Any finite number.
   */
  readonly lengthPenalty: number;
  /**
   * When the search ends before its longest length, once `width` hypotheses have ended. `true`: at once;
   * `false`: when the best that still goes on would not be among them if it ended now; `'never'`: when it
   * could not be at any length.
   */
  readonly earlyStopping: boolean | 'never';
  /** How many hypotheses are wanted, `[1, width]` (`num_return_sequences`). */
  readonly results: number;
}

/** A text that a beam search found. */
export interface Hypothesis {
  readonly text: string;
  /** A stop token at the end included. Their log-probabilities where the request wants them. */
  readonly tokens: readonly GeneratedToken[];
  /** See {@link BeamParameters.lengthPenalty}; the larger, the better. */
  readonly score: number;
  /** The sum of the tokens' log-probabilities, as penalties and bans changed them. */
  readonly logprob: number;
  /** `length`: it was still going on when the search had to end. */
  readonly finishReason: FinishReason;
  /** The stop token that ended it, if one did. */
  readonly stopReason?: number | undefined;
}
