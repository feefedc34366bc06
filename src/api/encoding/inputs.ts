import type { Caller } from '#caller.js';
import { invalidRequest } from '#errors.js';
import type { EncoderInput } from '#model/encoder/contract.js';
import type { EncoderModel } from '#registry/types.js';
import type { OneShotModel } from '#registry/vision-types.js';
import type { InputLimit, Source, TextSource } from '#text/inputs.js';

/** Most texts, pairs of texts, or texts and pictures in one request. */
export const MAX_INPUTS = 2048;

/** What requests say about inputs that are too long. */
export interface TruncationFields {
  /** Cut them; else they are refused. */
  readonly truncate?: boolean | null;
  /** Cut them to so many tokens; -1 stands for the model's own limit. */
  readonly truncate_prompt_tokens?: number | null;
  readonly truncation_direction?: string | null;
  /** The same, as vLLM calls it. */
  readonly truncation_side?: string | null;
  /** Whether the model's special tokens are put around each text. */
  readonly add_special_tokens?: boolean | null;
}

/** The limit of texts for a model that reads none. */
const NO_TEXTS: Pick<EncoderModel, 'contextLength' | 'autoTruncate'> = {
  contextLength: Infinity,
  autoTruncate: false,
};

/**
 * The limit of texts that a request has beside pictures, or in place of them.
 *
 * @throws KvasirError `invalid_request`
 */
export function textLimit(fields: TruncationFields, model: OneShotModel): InputLimit {
  return inputLimit(fields, 'texts' in model ? model : NO_TEXTS);
}

/** @throws KvasirError `invalid_request` */
export function inputLimit(
  fields: TruncationFields,
  {
    contextLength,
    autoTruncate,
    sentences,
  }: Pick<EncoderModel, 'contextLength' | 'autoTruncate'> & Partial<Pick<EncoderModel, 'sentences'>>,
): InputLimit {
  const { truncate_prompt_tokens: wanted = null } = fields;
  const named = fields.truncation_direction ?? fields.truncation_side;
  const side = named?.toLowerCase() === 'left' ? 'left' : 'right';
  const isPlain = fields.add_special_tokens === false || sentences?.readsSpecialTokens === false;
  const plain = { ...(isPlain && { withSpecial: false }) };
  if (wanted === null)
    return { ...plain, maxTokens: contextLength, cut: (fields.truncate ?? autoTruncate) ? side : undefined };
  if (wanted === 0 || wanted > contextLength) {
    throw invalidRequest(
      'truncate_prompt_tokens',
      `truncate_prompt_tokens must be -1, or from 1 to ${contextLength}, the most that the model can read`,
    );
  }
  return { ...plain, maxTokens: wanted < 0 ? contextLength : wanted, cut: side };
}

/** A list of texts as sources; one text alone is a list of one. */
export function textSources(param: string, texts: string | readonly string[]): TextSource[] {
  return typeof texts === 'string'
    ? [{ param, text: texts }]
    : texts.map((text, index) => ({ param: `${param}[${index}]`, text }));
}

/** Texts or token ids: one input or several, all of which may be mixed in one list. */
export function mixedSources(
  param: string,
  inputs: string | readonly number[] | readonly (string | readonly number[])[],
): Source[] {
  if (typeof inputs === 'string') return [{ param, text: inputs }];
  if (isTokenIds(inputs)) return [{ param, ids: inputs }];
  return inputs.map((one, index) => {
    const place = `${param}[${index}]`;
    return typeof one === 'string' ? { param: place, text: one } : { param: place, ids: one };
  });
}

/** Whether a list is the token ids of one text, rather than a list of texts. */
export function isTokenIds(list: readonly unknown[]): list is readonly number[] {
  return typeof list[0] === 'number';
}

/** Tokens of all inputs together. */
export function countTokens(inputs: readonly Pick<EncoderInput, 'ids'>[]): number {
  return inputs.reduce((sum, { ids }) => sum + ids.length, 0);
}

/**
 * Reads texts or pictures into inputs while there are places in the encoder's waiting line for as many.
 *
 * @throws KvasirError `queue_full`, and what reading does
 */
export async function withPlaces<T>(
  { encoder }: Pick<EncoderModel, 'encoder'>,
  count: number,
  { client }: Caller,
  read: () => Promise<T>,
): Promise<T> {
  const giveBack = encoder.reserve(count, client);
  try {
    return await read();
  } finally {
    giveBack();
  }
}
