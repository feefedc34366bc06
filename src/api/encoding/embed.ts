import { invalidRequest } from '#errors.js';
import type { Caller } from '#caller.js';
import type { EncoderModel } from '#registry/types.js';
import { normalize, shorten } from '#results/vectors.js';
import { countTokens, withPlaces } from './inputs.js';
import type { InputLimit, Source } from '#text/inputs.js';

export interface EmbeddingOptions {
  readonly limit: InputLimit;
  /** Keep only so many components; undefined: all. */
  readonly dimensions: number | undefined;
  /** Scale vectors to a length of 1. */
  readonly normalize: boolean;
}

export interface Embeddings {
  /** In the order of the sources. */
  readonly vectors: Float32Array[];
  /** Of all sources together. */
  readonly tokens: number;
}

/**
 * @param model an embedder.
 * @throws KvasirError as `encodeInput` and the encoder; `invalid_request` for more dimensions than the model has
 */
export async function embed(
  model: EncoderModel,
  sources: readonly Source[],
  { limit, dimensions, normalize: unit }: EmbeddingOptions,
  caller: Caller,
): Promise<Embeddings> {
  if (dimensions !== undefined && dimensions > model.width) {
    throw invalidRequest(
      'dimensions',
      `dimensions must be <= ${model.width}, the width of the model's embeddings`,
    );
  }
  const inputs = await withPlaces(model, sources.length, caller, () =>
    model.texts.map('encodeInput', sources, limit, caller, 'input'),
  );
  const outputs = await model.encoder.encode(inputs, caller);
  const vectors = outputs.map(({ values }) => {
    const vector = dimensions === undefined ? values : shorten(values, dimensions);
    return unit ? normalize(vector) : vector;
  });
  return { vectors, tokens: countTokens(inputs) };
}
