import { KvasirError } from '#errors.js';
import { codePointOffsets } from './code-points.js';
import { encodeInput, locateInput } from './inputs.js';
import type { TruncationSide } from './truncation.js';
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
  /** Whether these are the tokens of the whole text. */
  readonly whole: boolean;
}

/**
 * Hardly any text has more characters per token; what has may be a run of spaces, so that much more is read
 * before it is given up.
 */
const CHARACTERS_PER_TOKEN = 64;

/** How long a prompt may be. */
export interface PromptLimit {
  /** A longer prompt is of no use, or is cut. */
  readonly maxTokens: number;
  /** The side on which it is cut; undefined: it is not. */
  readonly cut?: TruncationSide | undefined;
}

/**
 * Tokenizes a prompt, but no more of it than shows that it is too long, or than is left of it where it is cut.
 */
function encodePrompt(
  tokenizer: Tokenizer,
  prompt: PromptText,
  { maxTokens, cut }: PromptLimit,
  charactersPerToken = CHARACTERS_PER_TOKEN,
): PromptIds {
  if (cut !== undefined) return cutPrompt(tokenizer, prompt, maxTokens, cut);
  const { text, addSpecialTokens = true } = prompt;
  for (let length = maxTokens * charactersPerToken; length < text.length; length *= 4) {
    const ids = tokenizer.encode(text.slice(0, length), { addSpecialTokens });
    if (ids.length > maxTokens) return { ids, whole: false };
  }
  return { ids: tokenizer.encode(text, { addSpecialTokens }), whole: true };
}

/**
 * The first or last tokens of a prompt. Where a part of the text has twice as many, those at its broken end,
 * which the rest of the text might have changed, are not among them.
 */
function cutPrompt(
  tokenizer: Tokenizer,
  { text, addSpecialTokens = true }: PromptText,
  maxTokens: number,
  cut: TruncationSide,
): PromptIds {
  const keep = (ids: number[]): PromptIds => {
    if (ids.length <= maxTokens) return { ids, whole: true };
    return { ids: cut === 'left' ? ids.slice(-maxTokens) : ids.slice(0, maxTokens), whole: false };
  };
  for (let length = Math.max(maxTokens, 64) * CHARACTERS_PER_TOKEN; length < text.length; length *= 4) {
    const part = cut === 'left' ? text.slice(-length) : text.slice(0, length);
    const ids = tokenizer.encode(part, { addSpecialTokens });
    if (ids.length > 2 * maxTokens) return keep(ids);
  }
  return keep(tokenizer.encode(text, { addSpecialTokens }));
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
  for (const part of [text, pair]) if (part !== undefined) listable(tokenizer, { text: part });
  return tokenizer.encodeWithOffsets(text, pair);
}

/**
 * The tokens of a text with the parts of it that they stand for, as JSON: where there are many, writing them
 * takes longer than finding them.
 *
 * @returns a list of `{ id, text, special, start, stop }`, in code points of the text; null for special
 * tokens.
 */
function describeTokens(
  tokenizer: Tokenizer,
  [text]: readonly [text: string],
  { withSpecial }: { readonly withSpecial: boolean },
): string {
  listable(tokenizer, { text });
  const { ids, origins } = tokenizer.encodeWithOffsets(text);
  const offset = codePointOffsets(text);
  const tokens = ids.map((id, position) => {
    const origin = origins[position];
    if (origin === undefined)
      return { id, text: tokenizer.token(id), special: true, start: null, stop: null };
    const { start, end } = origin;
    return { id, text: text.slice(start, end), special: false, start: offset(start), stop: offset(end) };
  });
  return JSON.stringify(withSpecial ? tokens : tokens.filter(({ special }) => !special));
}

/** The ids of a text, and their spellings where they are wanted, as members of a JSON object. */
function listTokens(
  tokenizer: Tokenizer,
  prompt: PromptText,
  { spellings }: { readonly spellings: boolean },
): string {
  const { ids: tokens } = listable(tokenizer, prompt);
  const strings = spellings ? tokens.map(id => tokenizer.token(id)) : null;
  return `"count":${tokens.length},"tokens":${JSON.stringify(tokens)},"token_strs":${JSON.stringify(strings)}`;
}

/** Most tokens of one text that are told one by one, or whose places are. */
const MOST_TOKENS = 2 ** 18;

/**
 * @throws KvasirError `context_length_exceeded`, before the whole of a text is read that has far too many
 * tokens.
 */
function listable(tokenizer: Tokenizer, prompt: PromptText): PromptIds {
  const encoded = encodePrompt(tokenizer, prompt, { maxTokens: MOST_TOKENS }, 2);
  if (encoded.ids.length > MOST_TOKENS)
    throw new KvasirError(
      'context_length_exceeded',
      `the text has more than the ${MOST_TOKENS} tokens that one answer may list`,
    );
  return encoded;
}

/**
 * Work on one text of a request each, whose length the request chooses: pure functions of a tokenizer, a
 * text, and options for all texts.
 */
export const TEXT_FUNCTIONS = {
  encodeInput,
  locateInput,
  encodePrompt,
  encodeWhole,
  decodeIds,
  describeTokens,
  listTokens,
} as const;

export type TextFunction = keyof typeof TEXT_FUNCTIONS;
export type TextItem<F extends TextFunction> = Parameters<(typeof TEXT_FUNCTIONS)[F]>[1];
export type TextOptions<F extends TextFunction> = Parameters<(typeof TEXT_FUNCTIONS)[F]>[2];
export type TextResult<F extends TextFunction> = ReturnType<(typeof TEXT_FUNCTIONS)[F]>;
