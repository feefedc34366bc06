import { codePointOffsets } from './code-points.js';
import { encodeInput, locateInput } from './inputs.js';
import type { Encoding, Tokenizer } from './types.js';

/** A text to generate from. */
export interface PromptText {
  readonly text: string;
  /** Whether the tokenizer's post-processor may add its own tokens; default true. */
  readonly addSpecialTokens?: boolean | undefined;
}

/** Token ids of a prompt, or of its beginning where that is already too long. */
export interface PromptIds {
  readonly ids: number[];
  /** Whether the whole text was read. */
  readonly whole: boolean;
}

/** Hardly any text has more characters per token; what has may be a run of spaces, so that much more is read before it is given up. */
const CHARACTERS_PER_TOKEN = 64;

/**
 * Tokenizes a prompt, but no more of it than shows that it is too long.
 *
 * @param limit.maxTokens a longer prompt is of no use.
 */
function encodePrompt(
  tokenizer: Tokenizer,
  { text, addSpecialTokens = true }: PromptText,
  { maxTokens }: { readonly maxTokens: number },
): PromptIds {
  for (let length = maxTokens * CHARACTERS_PER_TOKEN; length < text.length; length *= 4) {
    const ids = tokenizer.encode(text.slice(0, length), { addSpecialTokens });
    if (ids.length > maxTokens) return { ids, whole: false };
  }
  return { ids: tokenizer.encode(text, { addSpecialTokens }), whole: true };
}

function decodeIds(
  tokenizer: Tokenizer,
  ids: readonly number[],
  { skipSpecialTokens }: { readonly skipSpecialTokens: boolean },
): string {
  return tokenizer.decode(ids, { skipSpecialTokens });
}

function encodeWhole(
  tokenizer: Tokenizer,
  [text, pair]: readonly [text: string, pair?: string],
  _options: undefined,
): Encoding {
  return tokenizer.encodeWithOffsets(text, pair);
}

/** A token, and the part of the text that it stands for. */
export interface DescribedToken {
  readonly id: number;
  /** That part; of a special token, its name. */
  readonly text: string;
  /** Whether it is not of the text, but was added to it. */
  readonly special: boolean;
  /** In code points of the text; null for special tokens. */
  readonly start: number | null;
  readonly stop: number | null;
}

function describeTokens(
  tokenizer: Tokenizer,
  [text]: readonly [text: string],
  { withSpecial }: { readonly withSpecial: boolean },
): DescribedToken[] {
  const { ids, origins } = tokenizer.encodeWithOffsets(text);
  const offset = codePointOffsets(text);
  return ids.flatMap((id, position): DescribedToken[] => {
    const origin = origins[position];
    if (origin === undefined)
      return withSpecial ? [{ id, text: tokenizer.token(id)!, special: true, start: null, stop: null }] : [];
    const { start, end } = origin;
    return [{ id, text: text.slice(start, end), special: false, start: offset(start), stop: offset(end) }];
  });
}

/** Work on one text of a request each, whose length the request chooses: pure functions of a tokenizer, a text, and options for all texts. */
export const TEXT_FUNCTIONS = {
  encodeInput,
  locateInput,
  encodePrompt,
  decodeIds,
  encodeWhole,
  describeTokens,
} as const;

export type TextFunction = keyof typeof TEXT_FUNCTIONS;
export type TextItem<F extends TextFunction> = Parameters<(typeof TEXT_FUNCTIONS)[F]>[1];
export type TextOptions<F extends TextFunction> = Parameters<(typeof TEXT_FUNCTIONS)[F]>[2];
export type TextResult<F extends TextFunction> = ReturnType<(typeof TEXT_FUNCTIONS)[F]>;
