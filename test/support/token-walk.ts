import type { TokenConstraint } from '#engine/types.js';
import { createTokenizer } from '#text/tokenizer.js';
import type { Tokenizer } from '#text/types.js';
import { BYTE_CHARACTERS, BYTE_LEVEL } from './tiny-tokenizers.js';
import { between, pick, type Random } from './written-values.js';

/** The id that ends a text, in {@link tokenizerOfPieces}. */
export const STOP = 2;

const FIRST_BYTE = 5;

/**
 * A byte-level tokenizer that has, beside all bytes, tokens cut out of a text at random: within characters
 * and across brackets, too.
 */
export function tokenizerOfPieces(text: string, random: Random): Tokenizer {
  const bytes = Buffer.from(text);
  const model = BYTE_LEVEL.model as { vocab: Record<string, number> };
  const vocab = { ...model.vocab };
  for (let i = 0; i < 40 && bytes.length > 0; i++) {
    const begin = between(random, 0, bytes.length - 1);
    const piece = bytes.subarray(begin, begin + between(random, 2, 9));
    const spelling = Array.from(piece, byte => BYTE_CHARACTERS[byte]!).join('');
    vocab[spelling] ??= Object.keys(vocab).length;
  }
  return createTokenizer({ ...BYTE_LEVEL, model: { ...model, vocab } });
}

/**
 * Writes a text by tokens of {@link tokenizerOfPieces}, drawn at random from those that the text goes on
 * with.
 *
 * @returns what the constraint refused: a token with what came before it, or the end; undefined if it
 * admitted all.
 */
export function refusedPart(
  constraint: TokenConstraint,
  tokenizer: Tokenizer,
  text: string,
  random: Random,
): string | undefined {
  const spelling = Array.from(Buffer.from(text), byte => BYTE_CHARACTERS[byte]!).join('');
  const stops = new Set([STOP]);
  const logits = new Float32Array(tokenizer.vocabularySize);
  // Far from the last token, where a constraint would begin to hurry.
  const remaining = 100_000;
  for (let at = 0; at < spelling.length;) {
    const ids = Array.from({ length: 9 }, (_, i) => tokenizer.id(spelling.slice(at, at + i + 1))).filter(
      id => id !== undefined && id >= FIRST_BYTE,
    );
    const id = pick(random, ids)!;
    constraint.mask(logits.fill(0), stops, remaining);
    const token = tokenizer.token(id)!;
    if (logits[id] === -Infinity)
      return `${JSON.stringify(token)} after ${JSON.stringify(spelling.slice(0, at))}`;
    constraint.accept(id);
    at += token.length;
  }
  constraint.mask(logits.fill(0), stops, remaining);
  return logits[STOP] === -Infinity ? `the end of ${JSON.stringify(text)}` : undefined;
}
