import { Type } from 'typebox';
import { invalidRequest } from '#errors.js';
import { Texts } from '#routes/shared/fields.js';
import { described, nullable } from '#http/schemas/nullable.js';

/** The group of the endpoints in the documentation. */
export const TAG = 'LibreTranslate';

/** Most characters of all texts of a request. */
export const MAX_CHARACTERS = 131_072;

/** @param purpose completes "A text, or several, ". */
export const textsField = (purpose: string) =>
  described(Texts, `A text, or several, ${purpose}; of at most ${MAX_CHARACTERS} characters together.`);

export const apiKeyField = nullable(
  Type.String({ description: "Ignored: the server's own keys are sent as `authorization: Bearer KEY`." }),
);

/**
 * The texts of a request.
 *
 * @throws KvasirError `invalid_request` where they are too long, or there is nothing in them.
 */
export function listTexts(q: string | readonly string[]): readonly string[] {
  const texts = typeof q === 'string' ? [q] : q;
  const characters = texts.reduce((sum, text) => sum + text.length, 0);
  if (characters === 0) throw invalidRequest('q', 'q is empty');
  if (characters > MAX_CHARACTERS)
    throw invalidRequest(
      'q',
      `q has ${characters} characters, more than the ${MAX_CHARACTERS} that one request may have`,
    );
  return texts;
}
