import type { Caller } from '#caller.js';
import type { EncoderModel } from '#registry/types.js';
import { sigmoid } from '#results/scores.js';
import { cosine } from '#results/vectors.js';
import { classify } from './classify.js';
import { embed } from './embed.js';
import type { InputLimit, TextSource } from '#text/inputs.js';

export interface RelevanceOptions {
  readonly limit: InputLimit;
  /** Logits of a cross-encoder as they are, rather than their sigmoid. */
  readonly raw: boolean;
}

export interface Relevance {
  /** One for each document. */
  readonly scores: number[];
  /** Of all that was read. */
  readonly tokens: number;
}

/**
 * How well documents go with queries. A cross-encoder reads each document together with its query; its score is in `[0, 1]`, unless raw. Of
 * an embedder it is the cosine of the two embeddings, in `[-1, 1]`.
 *
 * @param model one with the ability `score`.
 * @param queries one for each document, or one for all.
 * @throws KvasirError as `encodeInput` and the encoder
 */
export async function relevance(
  model: EncoderModel,
  queries: readonly TextSource[],
  documents: readonly TextSource[],
  { limit, raw }: RelevanceOptions,
  caller: Caller,
): Promise<Relevance> {
  const queryOf = <T>(of: readonly T[], index: number): T => (of.length === 1 ? of[0]! : of[index]!);
  if (model.card.abilities.has('classify')) {
    const pairs = documents.map(({ param, text }, index) => ({
      param,
      text: queryOf(queries, index).text,
      pair: text,
    }));
    const { logits, tokens } = await classify(model, pairs, limit, caller);
    return { scores: logits.map(([logit]) => (raw ? logit! : sigmoid(logit!))), tokens };
  }
  const options = { limit, dimensions: undefined, normalize: false };
  const { vectors, tokens } = await embed(model, [...queries, ...documents], options, caller);
  const queryVectors = vectors.slice(0, queries.length);
  const scores = vectors
    .slice(queries.length)
    .map((vector, index) => cosine(queryOf(queryVectors, index), vector));
  return { scores, tokens };
}
