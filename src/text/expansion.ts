import type { Tokenizer } from './types.js';

/**
 * The token that makes queries longer: the one that a model names, or else the tokenizer's mask; undefined where the
 * vocabulary has none.
 */
export function expansionId(
  { token }: { readonly token: string | undefined },
  tokenizer: Pick<Tokenizer, 'maskId' | 'id'>,
): number | undefined {
  return token === undefined ? tokenizer.maskId : tokenizer.id(token);
}
