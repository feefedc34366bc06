import type { Usage } from './usage.js';

/** OpenAI's counts of tokens where nothing is generated. */
export type InputUsage = Pick<Usage, 'prompt_tokens' | 'total_tokens'>;

/** @param tokens of all inputs. */
export function inputUsage(tokens: number): InputUsage {
  return { prompt_tokens: tokens, total_tokens: tokens };
}
