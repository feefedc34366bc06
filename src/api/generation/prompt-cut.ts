import { invalidRequest } from '#errors.js';
import type { TruncationSide } from '#text/truncation.js';

/** What requests say about prompts that are too long, in vLLM's words. */
export interface PromptCutFields {
  readonly truncate_prompt_tokens?: number | null;
  readonly truncation_side?: string | null;
}

/** The part of a prompt that is kept. */
export interface PromptCut {
  /** At least 1. */
  readonly maxTokens: number;
  /** The side on which it is cut. */
  readonly cut: TruncationSide;
}

/**
 * How prompts are to be cut, if they are.
 *
 * @param room the most tokens that a prompt may have beside what is to be generated.
 * @throws KvasirError `invalid_request`
 */
export function promptCut(
  { truncate_prompt_tokens: most, truncation_side: side }: PromptCutFields,
  room: number,
): PromptCut | undefined {
  if (most === undefined || most === null) {
    if (side)
      throw invalidRequest('truncation_side', 'truncation_side is allowed only with truncate_prompt_tokens');
    return undefined;
  }
  if (most === 0)
    throw invalidRequest('truncate_prompt_tokens', 'truncate_prompt_tokens must be >= 1, or -1');
  return { maxTokens: Math.max(1, most === -1 ? room : most), cut: side === 'right' ? 'right' : 'left' };
}

/** The ids that are kept. */
export function cutIds(ids: readonly number[], { maxTokens, cut }: PromptCut): readonly number[] {
  if (ids.length <= maxTokens) return ids;
  return cut === 'left' ? ids.slice(-maxTokens) : ids.slice(0, maxTokens);
}
