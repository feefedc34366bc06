import type { SamplingParameters, StopConditions } from '#engine/types.js';
import { invalidRequest } from '#errors.js';
import { digitsOf } from '#exact-numbers.js';
import type { GenerationModel } from '#registry/types.js';

/**
 * What requests say about sampling and stopping. Values are validated; a field that is missing or null has
 * its default.
 */
export interface SamplingFields {
  readonly temperature?: number | null;
  readonly top_p?: number | null;
  readonly top_k?: number | null;
  readonly min_p?: number | null;
  readonly presence_penalty?: number | null;
  readonly frequency_penalty?: number | null;
  readonly repetition_penalty?: number | null;
  readonly logit_bias?: Readonly<Record<string, number>> | null;
  readonly seed?: number | null;
  readonly stop?: string | readonly string[] | null;
  readonly stop_token_ids?: readonly number[] | null;
  readonly include_stop_str_in_output?: boolean | null;
  readonly min_tokens?: number | null;
  readonly ignore_eos?: boolean | null;
  readonly allowed_token_ids?: readonly number[] | null;
  readonly bad_words?: readonly string[] | null;
  readonly skip_special_tokens?: boolean | null;
}

/** What peers do where a request does not say. */
const PLAIN_SAMPLING = { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 };

/**
 * All but what `bad_words` ask for, see `bannedSequences`.
 *
 * @throws KvasirError `invalid_request` for tokens that the model does not have.
 */
export function samplingParameters(fields: SamplingFields, model: GenerationModel): SamplingParameters {
  const { vocabularySize } = model.tokenizer;
  const allowedIds = fields.allowed_token_ids ?? undefined;
  if (allowedIds !== undefined) checkIds('allowed_token_ids', allowedIds, vocabularySize);
  // The smallest set whose probability reaches 0 is the most probable token.
  const onlyBest = fields.top_p === 0;
  const defaults = model.sourced?.defaults.sampling ?? { ...PLAIN_SAMPLING, ...samplingOf(model) };
  return {
    ...defaults,
    temperature: fields.temperature ?? defaults.temperature,
    topK: onlyBest ? 1 : Math.max(0, fields.top_k ?? defaults.topK),
    topP: onlyBest ? 1 : (fields.top_p ?? defaults.topP),
    minP: fields.min_p ?? defaults.minP,
    repetitionPenalty: fields.repetition_penalty ?? defaults.repetitionPenalty,
    presencePenalty: fields.presence_penalty ?? 0,
    frequencyPenalty: fields.frequency_penalty ?? 0,
    logitBias: logitBias(fields.logit_bias ?? {}, vocabularySize),
    seed: seedOf(fields),
    ...(allowedIds !== undefined && { allowedIds }),
  };
}

/** What the model's own files say. */
function samplingOf({ sampling: { maxTokens: _, ...sampling } = {} }: GenerationModel) {
  return sampling;
}

function checkIds(param: string, ids: readonly number[], vocabularySize: number): void {
  if (ids.length === 0) throw invalidRequest(param, `${param} must have at least 1 item`);
  const index = ids.findIndex(id => id >= vocabularySize);
  if (index >= 0)
    throw invalidRequest(
      `${param}[${index}]`,
      `${param}[${index}] is ${ids[index]}, expected token ids from 0 to ${vocabularySize - 1}`,
    );
}

/**
 * The parameters of one of several choices for the same prompt: with a seed, each draws from a seed of its
 * own, and the first gives what it would give alone.
 */
export function forChoice(sampling: SamplingParameters, index: number): SamplingParameters {
  if (sampling.seed === undefined) return sampling;
  const seed = Number(sampling.seed) + index;
  return {
    ...sampling,
    seed: Number.isSafeInteger(seed) ? seed : BigInt.asIntN(64, BigInt(sampling.seed) + BigInt(index)),
  };
}

/** A seed with all of its digits. @throws KvasirError `invalid_request` where it has not 64 bits */
function seedOf(fields: SamplingFields): number | bigint | undefined {
  const { seed } = fields;
  if (typeof seed !== 'number') return undefined;
  if (Number.isSafeInteger(seed)) return seed;
  const digits = digitsOf(fields, 'seed') ?? String(BigInt(seed));
  if (/^-?\d{1,19}$/.test(digits) && BigInt.asIntN(64, BigInt(digits)) === BigInt(digits))
    return BigInt(digits);
  throw invalidRequest('seed', 'seed must be an integer of 64 bits: >= -2^63 and < 2^63');
}

/**
 * @param maxTokens how many tokens may be generated, at least 1; fewer where the model has a limit of its
 * own.
 * @throws KvasirError `invalid_request`
 */
export function stopConditions(
  fields: SamplingFields,
  maxTokens: number,
  model: GenerationModel,
): StopConditions {
  const mostTokens = Math.min(maxTokens, model.maxTokens ?? Infinity);
  const minTokens = fields.min_tokens ?? Math.min(model.sourced?.defaults.minTokens ?? 0, mostTokens);
  if (minTokens > mostTokens) {
    throw invalidRequest('min_tokens', `min_tokens must be <= ${mostTokens}, the most tokens to generate`);
  }
  return {
    maxTokens: mostTokens,
    minTokens,
    stopTokenIds: new Set([...(fields.ignore_eos ? [] : model.eosIds), ...(fields.stop_token_ids ?? [])]),
    stopStrings: [fields.stop ?? []].flat(),
    includeStopString: fields.include_stop_str_in_output ?? false,
  };
}

function logitBias(
  bias: Readonly<Record<string, number>>,
  vocabularySize: number,
): ReadonlyMap<number, number> {
  return new Map(
    Object.entries(bias).map(([key, value]) => {
      const id = /^\d+$/.test(key) ? Number(key) : Infinity;
      if (id >= vocabularySize) {
        throw invalidRequest(
          'logit_bias',
          `logit_bias has the key ${JSON.stringify(key)}, expected token ids from 0 to ${vocabularySize - 1}`,
        );
      }
      return [id, value];
    }),
  );
}
