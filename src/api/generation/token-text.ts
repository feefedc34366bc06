import type { Tokenizer } from '#text/types.js';

/** JSON has no -Infinity; vLLM writes this in its place. */
const LOWEST = -9999;

/**
 * A token as text of its own. Part of a character has none, so the vocabulary's spelling stands for it, which
 * also tells such tokens apart.
 */
export function tokenText(tokenizer: Tokenizer, id: number): string {
  const spelling = tokenizer.token(id) ?? '';
  const text = tokenizer.decode([id], { skipSpecialTokens: false });
  if (text.includes('\uFFFD')) return spelling;
  // SentencePiece's decoder drops the space at the beginning of a text, and here every token is one.
  return spelling.startsWith('▁') && !text.startsWith(' ') ? ` ${text}` : text;
}

/** A log-probability that JSON can write. */
export function finite(logprob: number): number {
  return Math.max(logprob, LOWEST);
}
