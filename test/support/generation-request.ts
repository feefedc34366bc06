import type { GenerationRequest, SamplingParameters, StopConditions } from '#engine/types.js';

/** Sampling that takes the most probable token. */
export const GREEDY: SamplingParameters = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  logitBias: new Map(),
  seed: undefined,
};

interface GreedyOptions extends Partial<StopConditions> {
  readonly id?: string;
  readonly logprobs?: number;
  readonly promptLogprobs?: number | undefined;
}

/** A greedy request, 16 tokens long unless something stops it sooner. */
export function greedy(
  promptIds: readonly number[],
  { id = 'request', logprobs, promptLogprobs, ...stop }: GreedyOptions = {},
): GenerationRequest {
  return {
    id,
    promptIds,
    sampling: GREEDY,
    stop: {
      maxTokens: 16,
      minTokens: 0,
      stopTokenIds: new Set(),
      stopStrings: [],
      includeStopString: false,
      ...stop,
    },
    logprobs,
    promptLogprobs,
  };
}
