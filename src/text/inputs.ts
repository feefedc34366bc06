import { contextLengthExceeded, invalidRequest, type KvasirError } from '#errors.js';
import { truncate, type TruncationSide } from './truncation.js';
import type { Encoding, TokenOrigin, Tokenizer } from './types.js';

/** A text, a pair of texts, or token ids, and the field of the request that it comes from. */
export type Source = TextSource | IdsSource;

export interface TextSource {
  /** Such as `input[2]`. */
  readonly param: string;
  readonly text: string;
  /** A second text that is read together with the first. */
  readonly pair?: string | undefined;
}

export interface IdsSource {
  readonly param: string;
  /** As the model reads them: special tokens are part of them, if they are to be. */
  readonly ids: readonly number[];
}

/** How long inputs may be, and what becomes of those that are longer. */
export interface InputLimit {
  /** Special tokens included. */
  readonly maxTokens: number;
  /** The side on which they are cut; undefined: they are refused. */
  readonly cut: TruncationSide | undefined;
  /** Whether the tokenizer puts its special tokens around texts; default true. */
  readonly withSpecial?: boolean | undefined;
}

/** A text as a model reads it. */
export interface InputIds {
  readonly ids: readonly number[];
  /** Segment of each token; where it is left out, all are of the first. */
  readonly typeIds?: readonly number[] | undefined;
}

/**
 * Hardly any text has more characters per token. Of a longer one only so much is tokenized at first; where
 * that is too few tokens, four times as much, and so on.
 */
const CHARACTERS_PER_TOKEN = 16;
const GROWTH = 4;

/**
 * Tokenizes an input, or checks its ids.
 *
 * @throws KvasirError `context_length_exceeded`; `invalid_request` for ids outside of the vocabulary and
 * texts without tokens
 */
export function encodeInput(tokenizer: Tokenizer, source: Source, limit: InputLimit): InputIds {
  if ('ids' in source) return checkIds(tokenizer, source, limit);
  if (source.pair === undefined && source.text.length <= limit.maxTokens * CHARACTERS_PER_TOKEN) {
    // Quicker than with offsets, which most texts do not need.
    const ids = tokenizer.encode(source.text, { addSpecialTokens: limit.withSpecial ?? true });
    if (ids.length > 0 && ids.length <= limit.maxTokens) return { ids };
  }
  const { ids, typeIds } = locateInput(tokenizer, source, limit);
  return { ids, typeIds };
}

/**
 * Tokenizes a text, or a pair of texts, and tells where their tokens come from.
 *
 * @throws KvasirError as {@link encodeInput}
 */
export function locateInput(
  tokenizer: Tokenizer,
  source: TextSource,
  { maxTokens, cut, withSpecial = true }: InputLimit,
): Encoding {
  const { text, pair } = source;
  const whole = { text, pair, starts: [0, 0] };
  let part: TextParts;
  let encoding: Encoding;
  let length = maxTokens * CHARACTERS_PER_TOKEN;
  do {
    part = relevantPart(source, length, cut) ?? whole;
    encoding = tokenizer.encodeWithOffsets(part.text, part.pair);
    if (!withSpecial) encoding = withoutSpecial(encoding);
    length *= GROWTH;
  } while (part !== whole && encoding.ids.length <= maxTokens);
  if (encoding.ids.length === 0) throw invalid(source.param, 'has no tokens');
  if (encoding.ids.length <= maxTokens) return encoding;
  if (cut === undefined) {
    throw tooLong(source.param, part === whole ? encoding.ids.length : undefined, maxTokens);
  }
  const kept = truncate(encoding, maxTokens, cut);
  const { starts } = part;
  return { ...kept, origins: kept.origins.map(origin => origin && shift(origin, starts[origin.text]!)) };
}

/** Only the tokens of the texts themselves. */
function withoutSpecial({ ids, typeIds, origins }: Encoding): Encoding {
  const isOfText = (_: unknown, i: number): boolean => origins[i] !== undefined;
  return { ids: ids.filter(isOfText), typeIds: typeIds.filter(isOfText), origins: origins.filter(isOfText) };
}

function checkIds(tokenizer: Tokenizer, { param, ids }: IdsSource, { maxTokens, cut }: InputLimit): InputIds {
  const unknown = ids.find(id => id >= tokenizer.vocabularySize);
  if (unknown !== undefined) {
    throw invalid(
      param,
      `has the token id ${unknown}, expected ids from 0 to ${tokenizer.vocabularySize - 1}`,
    );
  }
  if (ids.length <= maxTokens) return { ids };
  if (cut === undefined) throw tooLong(param, ids.length, maxTokens);
  return { ids: cut === 'left' ? ids.slice(-maxTokens) : ids.slice(0, maxTokens) };
}

/** A text or a pair of texts, and where they begin in those that they are parts of. */
interface TextParts {
  readonly text: string;
  readonly pair: string | undefined;
  readonly starts: readonly number[];
}

/** As much of the texts as has no more characters than that; undefined where that is all of them. */
function relevantPart(
  { text, pair }: TextSource,
  length: number,
  cut: TruncationSide | undefined,
): TextParts | undefined {
  if (text.length <= length && (pair?.length ?? 0) <= length) return undefined;
  const range = cut === 'left' ? lastWords : firstWords;
  const [start, end] = range(text, length);
  const [pairStart, pairEnd] = range(pair ?? '', length);
  return {
    text: text.slice(start, end),
    pair: pair?.slice(pairStart, pairEnd),
    starts: [start, pairStart],
  };
}

type Range = readonly [start: number, end: number];

/** Words from the beginning that have no more characters than that; a word that has more is cut. */
function firstWords(text: string, length: number): Range {
  if (text.length <= length) return [0, text.length];
  const end = text.slice(0, length).search(/\s\S*$/);
  return [0, end > 0 ? end : wholeCharacters(text, length)];
}

/** The same from the end. */
function lastWords(text: string, length: number): Range {
  const before = text.length - length;
  if (before <= 0) return [0, text.length];
  const start = text.slice(before).search(/\s/);
  return [start < 0 ? wholeCharacters(text, before) : before + start, text.length];
}

/** A place near another one that is not between the two halves of a character. */
function wholeCharacters(text: string, place: number): number {
  return /[\udc00-\udfff]/.test(text[place] ?? '') ? place - 1 : place;
}

function shift(origin: TokenOrigin, by: number): TokenOrigin {
  return { ...origin, start: origin.start + by, end: origin.end + by };
}

/** @param length undefined: nobody counted that far. */
function tooLong(param: string, length: number | undefined, maxTokens: number): KvasirError {
  return contextLengthExceeded(
    param,
    `${param} has ${length ?? `more than ${maxTokens}`} tokens, expected at most ${maxTokens}; set truncate to true to have it cut`,
    length,
    maxTokens,
  );
}

function invalid(param: string, fault: string): KvasirError {
  return invalidRequest(param, `${param} ${fault}`);
}
