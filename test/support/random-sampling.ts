import type { TokenConstraint } from '#engine/types.js';
import { seededRandom } from './seeded-random.js';
import type { Tokenizer } from '#text/types.js';

/** What a constraint let through. */
export interface Sampled {
  readonly text: string;
  /** Whether the text was ended by a stop token, or by the constraint; false where the most tokens came first. */
  readonly whole: boolean;
  readonly shortened: boolean;
}

/**
 * Draws tokens at random from those that a constraint allows, half of the time from those that lead on to an end, as no model would.
 *
 * @throws Error where no token is allowed.
 */
export function sample(
  constraint: TokenConstraint,
  tokenizer: Tokenizer,
  stopId: number,
  { seed, maxTokens }: { readonly seed: number; readonly maxTokens: number },
): Sampled {
  const random = seededRandom(seed);
  const ids: number[] = [];
  const logits = new Float32Array(tokenizer.vocabularySize);
  const stops = new Set([stopId]);
  let whole = false;
  while (!whole && ids.length < maxTokens) {
    for (let id = 0; id < logits.length; id++) logits[id] = random();
    constraint.mask(logits, stops, maxTokens - ids.length);
    const allowed = [...logits.keys()].filter(id => logits[id] !== -Infinity);
    const closing = allowed.filter(id => id === stopId || /^["}\]]/.test(tokenizer.token(id)!));
    const from = closing.length > 0 && random() < 0.5 ? closing : allowed;
    const id = from[Math.floor(random() * from.length)];
    if (id === undefined) throw new Error(`nothing may follow ${JSON.stringify(tokenizer.decode(ids))}`);
    if (id === stopId) whole = true;
    else {
      constraint.accept(id);
      ids.push(id);
      whole = constraint.complete;
    }
  }
  return { text: tokenizer.decode(ids), whole, shortened: constraint.shortened };
}
