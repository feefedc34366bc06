import type { Caller } from '#caller.js';
import { invalidRequest } from '#errors.js';
import type { EncoderModel } from '#registry/types.js';
import type { TokenVectors } from '#results/late-interaction.js';
import { withPrompt, type PromptFields } from './prompt.js';
import { tokenVectors } from './token-vectors.js';
import { countTokens, withPlaces } from './inputs.js';
import type { InputLimit, Source } from '#text/inputs.js';

/** Most numbers of one answer. */
export const MAX_NUMBERS = 2 ** 22;

/**
 * The vectors of the tokens of each source, special ones included, as they are before they are pooled; of a model that
 * keeps them those that it compares, of queries where the prompt's name says so, else of documents.
 *
 * @param model an embedder.
 * @throws KvasirError as `encodeInput` and the encoder; `invalid_request` where the model's graph does not tell
 * them, or they are more than {@link MAX_NUMBERS} numbers together
 */
export async function embedTokens(
  model: EncoderModel,
  sources: readonly Source[],
  prompt: PromptFields,
  limit: InputLimit,
  caller: Caller,
  param: string,
): Promise<TokenVectors[]> {
  if (model.task === 'token-embedding') {
    const role = prompt.prompt_name === 'query' ? 'query' : 'document';
    return (await tokenVectors(model, sources, role, limit, caller, param)).vectors;
  }
  const { tokenWidth } = model;
  if (tokenWidth === undefined)
    throw invalidRequest('model', "the model's graph gives no vectors of single tokens");
  const inputs = await withPlaces(model, sources.length, caller, () =>
    model.texts.map('encodeInput', withPrompt(model, sources, prompt), limit, caller, param),
  );
  const tokens = countTokens(inputs);
  if (tokens * tokenWidth > MAX_NUMBERS)
    throw invalidRequest(
      param,
      `${param} has ${tokens} tokens together; the vectors of at most ${Math.floor(MAX_NUMBERS / tokenWidth)} are given at once`,
    );
  const outputs = await model.encoder.encode(
    inputs.map(input => ({ ...input, everyToken: true })),
    caller,
  );
  return outputs.map(({ values, rows, width }) =>
    Array.from({ length: rows }, (_, row) => values.subarray(row * width, (row + 1) * width)),
  );
}
