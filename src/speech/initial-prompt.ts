import type { Tokenizer } from '#text/types.js';

/** In UTF-16 units: more than the tokens of a prompt that a model reads, and soon read. */
const LONGEST = 8192;

/** Tokens of a text that might have been said before; of a long one, of its end, which is all that a model would read of it. */
export function initialPrompt(tokenizer: Tokenizer, prompt: string): number[] {
  const text = prompt.trim();
  return text === '' ? [] : tokenizer.encode(` ${text.slice(-LONGEST)}`, { addSpecialTokens: false });
}
