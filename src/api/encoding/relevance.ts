import type { Caller } from '#caller.js';
import { invalidRequest } from '#errors.js';
import type { EncoderModel } from '#registry/types.js';
import type { OneShotModel, TowersModel } from '#registry/vision-types.js';
import { maxSimilarity } from '#results/late-interaction.js';
import { sigmoid } from '#results/scores.js';
import { cosine } from '#results/vectors.js';
import type { InputLimit, TextSource } from '#text/inputs.js';
import { isPictureSource, type PictureSource } from '../pictures/picture-source.js';
import { classify } from './classify.js';
import { embed } from './embed.js';
import { weighedTokens } from './embed-tokens.js';
import { countTokens } from './inputs.js';
import type { PromptFields } from './prompt.js';
import { keepsTokens, tokenVectors } from './token-vectors.js';

export interface RelevanceOptions {
  readonly limit: InputLimit;
  /** Logits as they are: of a cross-encoder, and of two towers for a text and a picture. */
  readonly raw: boolean;
  /** What a document is to be relevant to, for a reranker that is told it; by default what it says. */
  readonly instruction?: InstructionFields;
}

/** What requests say of it: vLLM's field, and the name of one of the model's prompts, over which it goes. */
export interface InstructionFields {
  readonly instruction?: string | null | undefined;
  readonly prompt_name?: string | null | undefined;
}

export interface Relevance {
  /** One for each document. */
  readonly scores: number[];
  /** Of all that was read. */
  readonly tokens: number;
}

/** A query or a document. */
type Compared = TextSource | PictureSource;

/**
 * How well documents go with queries. A cross-encoder reads each document together with its query; its score is in `[0, 1]`, unless raw. Of
 * an embedder it is the cosine of the two embeddings, in `[-1, 1]`, and of one that keeps the vectors of tokens, or whose
 * settings say so, the sum of their best products, as large as the query is long.
 *
 * @param model one that scores what there is: texts, pictures, or both.
 * @param queries one for each document, or one for all.
 * @throws KvasirError as `readInputs` and the encoder; `invalid_request` for an instruction that the model does not read
 */
export async function relevance(
  model: OneShotModel,
  queries: readonly Compared[],
  documents: readonly Compared[],
  { limit, raw, instruction }: RelevanceOptions,
  caller: Caller,
): Promise<Relevance> {
  const prompt = promptFields(model, instruction);
  const queryOf = <T>(of: readonly T[], index: number): T => (of.length === 1 ? of[0]! : of[index]!);
  if (isCrossEncoder(model)) {
    const pairs = (documents as readonly TextSource[]).map(({ param, text }, index) => ({
      param,
      text: queryOf(queries as readonly TextSource[], index).text,
      pair: text,
    }));
    const { logits, tokens } = await classify(model, pairs, limit, caller, prompt);
    return { scores: logits.map(([logit]) => (raw ? logit! : sigmoid(logit!))), tokens };
  }
  if (keepsTokens(model)) {
    const texts = (of: readonly Compared[]): TextSource[] => of as TextSource[];
    const asked = await tokenVectors(model, texts(queries), 'query', limit, caller, 'query');
    const found = await tokenVectors(model, texts(documents), 'document', limit, caller, 'documents');
    const isMean = model.sentences.similarity === 'mean_maxsim';
    const scores = found.vectors.map((document, index) =>
      maxSimilarity(queryOf(asked.vectors, index), document, isMean),
    );
    return { scores, tokens: asked.tokens + found.tokens };
  }
  if (weighsTokens(model) && isOfTokens(model.sentences.similarity)) {
    const texts = [...queries, ...documents] as TextSource[];
    const read = await weighedTokens(model, texts, limit, caller, 'documents');
    const asked = read.slice(0, queries.length);
    const isMean = model.sentences.similarity === 'mean_maxsim';
    const scores = read
      .slice(queries.length)
      .map(({ vectors }, index) => maxSimilarity(queryOf(asked, index).vectors, vectors, isMean));
    return { scores, tokens: countTokens(read) };
  }
  const options = { limit, dimensions: undefined, normalize: false };
  const { vectors, tokens } = await embed(model, [...queries, ...documents], options, caller);
  const queryVectors = vectors.slice(0, queries.length);
  const logit = raw ? (model as Partial<TowersModel>).similarity : undefined;
  const scores = vectors.slice(queries.length).map((vector, index) => {
    const alike = cosine(queryOf(queryVectors, index), vector);
    const crosses = isPictureSource(queryOf(queries, index)) !== isPictureSource(documents[index]!);
    return logit !== undefined && crosses ? logit.scale * alike + logit.bias : alike;
  });
  return { scores, tokens };
}

function promptFields(model: OneShotModel, fields: InstructionFields = {}): PromptFields {
  const { instruction, prompt_name: name } = fields;
  const asked = instruction ? 'instruction' : typeof name === 'string' ? 'prompt_name' : undefined;
  if (asked !== undefined && !('pairs' in model && model.pairs !== undefined))
    throw invalidRequest(
      asked,
      `${asked} is not supported by this model: it is not told what documents are to be relevant to`,
    );
  return { prompt: instruction || undefined, prompt_name: name };
}

/** Whether it tells of each token what is compared, beside the pooled vector. */
function weighsTokens(model: OneShotModel): model is EncoderModel {
  return 'sentences' in model && model.sentences.hasTokenHeads;
}

/** Whether texts are compared token by token, rather than by their pooled vectors. */
function isOfTokens(similarity: EncoderModel['sentences']['similarity']): boolean {
  return similarity === 'maxsim' || similarity === 'mean_maxsim';
}

/** Whether it reads a pair of texts together. */
function isCrossEncoder(model: OneShotModel): model is EncoderModel {
  return model.card.abilities.has('classify');
}
