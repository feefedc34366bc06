import type { Caller } from '#caller.js';
import { contextLengthExceeded } from '#errors.js';
import type { SourcedModel } from '#registry/types.js';
import { mapInTurns } from '#turns.js';
import { encodeSources, type LanguageFields } from '../generation/sources.js';
import { halvesOf, joinPieces, MAX_PIECES, tooManyPieces, type TextPieces } from './text-pieces.js';

/** A text that a model can read whole, as it reads it. */
export interface ReadableText {
  readonly text: string;
  readonly ids: readonly number[];
}

/** A text that a model can read whole, or one whose parts it can. */
export type FittedText =
  ReadableText | { readonly pieces: TextPieces; readonly parts: readonly FittedText[] };

/**
 * Takes texts that are longer than a model's sources apart until each part can be read.
 *
 * @param locale of the texts, a BCP 47 tag.
 * @returns in the texts' order.
 * @throws KvasirError `context_length_exceeded` where one character is too long; `invalid_request` where there are
 * more than {@link MAX_PIECES} parts; as `TextService.map`
 */
export async function fitTexts(
  texts: readonly string[],
  locale: string,
  languages: LanguageFields,
  model: SourcedModel,
  caller: Caller,
): Promise<FittedText[]> {
  const options = { param: 'q', languages, addSpecialTokens: true };
  const encoded = await encodeSources(texts, model, options, caller);
  const halves = await mapInTurns(texts, (text, index) => {
    if (encoded[index]!.fits) return undefined;
    const pieces = halvesOf(text, locale);
    if (pieces !== undefined) return pieces;
    const { longestSource } = model.sourced;
    throw contextLengthExceeded(
      'q',
      `a single character has more than the ${longestSource} tokens that the model reads`,
      undefined,
      longestSource,
    );
  });
  const parts = halves.flatMap(pieces => pieces?.pieces ?? []);
  if (parts.length > MAX_PIECES) throw tooManyPieces();
  const fitted = parts.length === 0 ? [] : await fitTexts(parts, locale, languages, model, caller);
  return texts.map((text, index) => {
    const pieces = halves[index];
    return pieces === undefined
      ? { text, ids: encoded[index]!.ids }
      : { pieces, parts: fitted.splice(0, pieces.pieces.length) };
  });
}

/** The parts that are read. */
export function readableTexts(fitted: FittedText): ReadableText[] {
  return 'parts' in fitted ? fitted.parts.flatMap(readableTexts) : [fitted];
}

/** The text with its parts become others. */
export function joinFitted(fitted: FittedText, written: (text: ReadableText) => string): string {
  if (!('parts' in fitted)) return written(fitted);
  return joinPieces(
    fitted.pieces,
    fitted.parts.map(part => joinFitted(part, written)),
  );
}
