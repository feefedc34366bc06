import { invalidRequest } from '#errors.js';
import type { Caller } from '#caller.js';
import type { EncoderModel } from '#registry/types.js';
import { normalize, shorten } from '#results/vectors.js';
import { countTokens, withPlaces } from './inputs.js';
import { withPrompt, type PromptFields } from './prompt.js';
import type { InputLimit, Source } from '#text/inputs.js';

export interface EmbeddingOptions {
  readonly limit: InputLimit;
  /** Keep only so many components; undefined: all. */
  readonly dimensions: number | undefined;
  /**
   * Scale vectors to a length of 1; undefined: so it is, but for those that the model's own settings cut
   * afterwards.
   */
  readonly normalize: boolean | undefined;
  /** What to put in front of the texts; by default what the model says. */
  readonly prompt?: PromptFields;
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
  { limit, dimensions, normalize: unit, prompt }: EmbeddingOptions,
  caller: Caller,
): Promise<Embeddings> {
  if (dimensions !== undefined && dimensions > model.width) {
    throw invalidRequest(
      'dimensions',
      `dimensions must be <= ${model.width}, the width of the model's embeddings`,
    );
  }
  const prompted = withPrompt(model, sources, prompt);
  const inputs = await withPlaces(model, sources.length, caller, () =>
    model.texts.map('encodeInput', prompted, limit, caller, 'input'),
  );
  const outputs = await model.encoder.encode(inputs, caller);
  const { truncateDim } = model.sentences;
  const vectors = outputs.map(({ values }) => {
    if (dimensions === undefined && truncateDim !== undefined && unit === undefined)
      return shorten(normalize(values), truncateDim);
    const vector = shorten(values, dimensions ?? truncateDim ?? values.length);
    return (unit ?? true) ? normalize(vector) : vector;
  });
  return { vectors, tokens: countTokens(inputs) };
}
