import { KvasirError } from '#errors.js';
import type { EncoderInput } from '#model/encoder/contract.js';
import type { EncoderModel } from '#registry/types.js';
import { truncate, type TruncationSide } from '#text/truncation.js';
import type { Encoding, TokenOrigin, Tokenizer } from '#text/types.js';
import { mapInTurns } from './turns.js';

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

/** Most texts, or pairs of texts, in one request. */
export const MAX_INPUTS = 2048;

/** What requests say about inputs that are too long. */
export interface TruncationFields {
  /** Cut them; else they are refused. */
  readonly truncate?: boolean | null;
  /** Cut them to so many tokens; -1 stands for the model's own limit. */
  readonly truncate_prompt_tokens?: number | null;
  readonly truncation_direction?: string | null;
}

/** How long inputs may be, and what becomes of those that are longer. */
export interface InputLimit {
  /** Special tokens included. */
  readonly maxTokens: number;
  /** The side on which they are cut; undefined: they are refused. */
  readonly cut: TruncationSide | undefined;
}

/**
 * A text of more characters per token is all but unheard of. Only so much of a text is tokenized at first, since the rest hardly matters.
 */
const CHARACTERS_PER_TOKEN = 16;

/** @throws KvasirError `invalid_request` */
export function inputLimit(fields: TruncationFields, { contextLength }: EncoderModel): InputLimit {
  const { truncate_prompt_tokens: wanted = null } = fields;
  const side = fields.truncation_direction?.toLowerCase() === 'left' ? 'left' : 'right';
  if (wanted === null) return { maxTokens: contextLength, cut: fields.truncate ? side : undefined };
  if (wanted === 0 || wanted > contextLength) {
    throw new KvasirError(
      'invalid_request',
      `truncate_prompt_tokens must be -1, or from 1 to ${contextLength}, the most that the model can read`,
      { param: 'truncate_prompt_tokens' },
    );
  }
  return { maxTokens: wanted < 0 ? contextLength : wanted, cut: side };
}

/** A list of texts as sources; one text alone is a list of one. */
export function textSources(param: string, texts: string | readonly string[]): TextSource[] {
  return typeof texts === 'string'
    ? [{ param, text: texts }]
    : texts.map((text, index) => ({ param: `${param}[${index}]`, text }));
}

/**
 * Tokenizes the inputs of a request.
 *
 * @throws KvasirError `context_length_exceeded`; `invalid_request` for ids outside of the vocabulary and texts without tokens; `cancelled`
 */
export async function encodeSources(
  { tokenizer }: EncoderModel,
  sources: readonly Source[],
  limit: InputLimit,
  signal: AbortSignal,
): Promise<EncoderInput[]> {
  return mapInTurns(
    sources,
    source => ('ids' in source ? checkIds(tokenizer, source, limit) : encodeText(tokenizer, source, limit)),
    signal,
  );
}

/**
 * Tokenizes the texts of a request and tells where their tokens come from.
 *
 * @throws KvasirError as {@link encodeSources}
 */
export async function locateSources(
  { tokenizer }: EncoderModel,
  sources: readonly TextSource[],
  limit: InputLimit,
  signal: AbortSignal,
): Promise<Encoding[]> {
  return mapInTurns(sources, source => locate(tokenizer, source, limit), signal);
}

/** Tokens of all inputs together. */
export function countTokens(inputs: readonly EncoderInput[]): number {
  return inputs.reduce((sum, { ids }) => sum + ids.length, 0);
}

function encodeText(tokenizer: Tokenizer, source: TextSource, limit: InputLimit): EncoderInput {
  if (source.pair === undefined && source.text.length <= limit.maxTokens * CHARACTERS_PER_TOKEN) {
    // Quicker than with offsets, which most texts do not need.
    const ids = tokenizer.encode(source.text);
    if (ids.length > 0 && ids.length <= limit.maxTokens) return { ids };
  }
  const { ids, typeIds } = locate(tokenizer, source, limit);
  return { ids, typeIds };
}

function locate(tokenizer: Tokenizer, source: TextSource, { maxTokens, cut }: InputLimit): Encoding {
  const { text, pair } = source;
  const whole = { text, pair, starts: [0, 0] };
  let part = relevantPart(source, maxTokens, cut) ?? whole;
  let encoding = tokenizer.encodeWithOffsets(part.text, part.pair);
  if (part !== whole && encoding.ids.length <= maxTokens) {
    part = whole;
    encoding = tokenizer.encodeWithOffsets(text, pair);
  }
  if (encoding.ids.length === 0) throw invalid(source.param, 'has no tokens');
  if (encoding.ids.length <= maxTokens) return encoding;
  if (cut === undefined) {
    throw tooLong(source.param, part === whole ? encoding.ids.length : undefined, maxTokens);
  }
  const kept = truncate(encoding, maxTokens, cut);
  const { starts } = part;
  return { ...kept, origins: kept.origins.map(origin => origin && shift(origin, starts[origin.text]!)) };
}

function checkIds(
  tokenizer: Tokenizer,
  { param, ids }: IdsSource,
  { maxTokens, cut }: InputLimit,
): EncoderInput {
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

/** As much of the texts, up to a white space, as will be more tokens than are kept; undefined where that is all of them. */
function relevantPart(
  { text, pair }: TextSource,
  maxTokens: number,
  cut: TruncationSide | undefined,
): TextParts | undefined {
  const length = maxTokens * CHARACTERS_PER_TOKEN;
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

/** Words from the beginning that have no more characters than that; all, if there is no end of a word. */
function firstWords(text: string, length: number): Range {
  const end = text.length > length ? text.slice(0, length).search(/\s\S*$/) : -1;
  return [0, end < 0 ? text.length : end];
}

/** The same from the end. */
function lastWords(text: string, length: number): Range {
  const before = text.length - length;
  const start = before > 0 ? text.slice(before).search(/\s/) : -1;
  return [start < 0 ? 0 : before + start, text.length];
}

function shift(origin: TokenOrigin, by: number): TokenOrigin {
  return { ...origin, start: origin.start + by, end: origin.end + by };
}

/** @param length undefined: nobody counted that far. */
function tooLong(param: string, length: number | undefined, maxTokens: number): KvasirError {
  return new KvasirError(
    'context_length_exceeded',
    `${param} has ${length ?? `more than ${maxTokens}`} tokens, expected at most ${maxTokens}; set truncate to true to have it cut`,
    { param },
  );
}

function invalid(param: string, fault: string): KvasirError {
  return new KvasirError('invalid_request', `${param} ${fault}`, { param });
}
