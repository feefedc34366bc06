import type { Caller } from '#caller.js';
import { invalidRequest } from '#errors.js';
import type { EncoderInput, EncoderOutput } from '#model/encoder/contract.js';
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
 * keeps them those that it compares, of queries where the prompt's name says so, else of documents; of BGE-M3 those that
 * are compared, without that of the special token in front.
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
  if (model.sentences.hasTokenHeads) {
    const read = await weighedTokens(model, withPrompt(model, sources, prompt), limit, caller, param);
    return read.map(({ vectors }) => vectors);
  }
  const inputs = await withPlaces(model, sources.length, caller, () =>
    model.texts.map('encodeInput', withPrompt(model, sources, prompt), limit, caller, param),
  );
  const outputs = await everyToken(model, inputs, caller, param);
  return outputs.map(({ values, rows, width }) =>
    Array.from({ length: rows }, (_, row) => values.subarray(row * width, (row + 1) * width)),
  );
}

/** What an embedder tells of a text's tokens. */
export interface WeighedTokens {
  /** As the model reads them. */
  readonly ids: readonly number[];
  /** One for each id, at least 0. */
  readonly weights: Float32Array;
  /** Of all tokens but the special one in front, whose state is the text's own. */
  readonly vectors: TokenVectors;
}

/**
 * The weights and vectors of texts' tokens, of a model whose `sentences.hasTokenHeads` is set.
 *
 * @throws KvasirError as {@link embedTokens}
 */
export async function weighedTokens(
  model: EncoderModel,
  sources: readonly Source[],
  limit: InputLimit,
  caller: Caller,
  param: string,
): Promise<WeighedTokens[]> {
  const inputs = await withPlaces(model, sources.length, caller, () =>
    model.texts.map('encodeInput', sources, limit, caller, param),
  );
  const outputs = await everyToken(model, inputs, caller, param);
  return outputs.map(({ values, rows, width }, i) => {
    const { ids } = inputs[i]!;
    const own = Array.from({ length: rows }, (_, row) => values.subarray(row * width + 1, (row + 1) * width));
    return {
      ids,
      weights: Float32Array.from(ids, (_, row) => values[row * width]!),
      vectors: model.tokenizer.specialIds.has(ids[0]!) ? own.slice(1) : own,
    };
  });
}

/** What the model's graph tells of each token. */
async function everyToken(
  model: EncoderModel,
  inputs: readonly EncoderInput[],
  caller: Caller,
  param: string,
): Promise<EncoderOutput[]> {
  const { tokenWidth } = model;
  if (tokenWidth === undefined)
    throw invalidRequest('model', "the model's graph gives no vectors of single tokens");
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
