import type { Caller } from '#caller.js';
import { invalidRequest } from '#errors.js';
import type { EncoderOutput } from '#model/encoder/contract.js';
import type { EncoderModel } from '#registry/types.js';
import { countTokens, withPlaces } from './inputs.js';
import type { InputLimit, Source } from '#text/inputs.js';

/** Most numbers of one answer. */
export const MAX_NUMBERS = 2 ** 22;

/**
 * The vectors of the tokens of each source, special ones included, as they are before they are pooled.
 *
 * @param model an embedder.
 * @throws KvasirError as `encodeInput` and the encoder; `invalid_request` where the model's graph does not tell
 * them, or they are more than {@link MAX_NUMBERS} numbers together
 */
export async function embedTokens(
  model: EncoderModel,
  sources: readonly Source[],
  limit: InputLimit,
  caller: Caller,
  param: string,
): Promise<EncoderOutput[]> {
  const { tokenWidth } = model;
  if (tokenWidth === undefined)
    throw invalidRequest('model', "the model's graph gives no vectors of single tokens");
  const inputs = await withPlaces(model, sources.length, caller, () =>
    model.texts.map('encodeInput', sources, limit, caller, param),
  );
  const tokens = countTokens(inputs);
  if (tokens * tokenWidth > MAX_NUMBERS)
    throw invalidRequest(
      param,
      `${param} has ${tokens} tokens together; the vectors of at most ${Math.floor(MAX_NUMBERS / tokenWidth)} are given at once`,
    );
  return model.encoder.encode(
    inputs.map(input => ({ ...input, everyToken: true })),
    caller,
  );
}
