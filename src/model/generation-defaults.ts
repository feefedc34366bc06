import { ifThere } from '#files.js';
import { ModelConfig } from '#graph/config.js';
import { GENERATION_CLASS_DEFAULTS } from './generation-class-defaults.js';

/**
 * How the tokens of a text are chosen where a request does not say; the names are those of the engine's
 * `SamplingParameters`.
 */
export interface SamplingDefaults {
  /** 0 where the folder does not want tokens drawn (`do_sample`). */
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly repetitionPenalty: number;
  readonly sourceRepetitionPenalty?: number;
  readonly noRepeatNgram?: number;
  readonly sourceNoRepeatNgram?: number;
  readonly bannedSequences?: readonly (readonly number[])[];
  readonly forcedFirstId?: number;
  readonly forcedLastIds?: readonly number[];
  readonly suppressedIds?: readonly number[];
  readonly suppressedFirstIds?: readonly number[];
  readonly normalizesScores?: boolean;
}

/** What a folder says about the texts of an encoder-decoder where a request does not say it. */
export interface GenerationDefaults {
  /** What the decoder begins with (`decoder_start_token_id`). */
  readonly startIds: readonly number[];
  /** Most tokens to generate; undefined where the folder sets no limit. */
  readonly maxTokens: number | undefined;
  /** How many tokens come before the end may. */
  readonly minTokens: number;
  readonly sampling: SamplingDefaults;
  /** As the engine's `BeamParameters`; `width` 1: no beam search, unless a request asks for it. */
  readonly beams: {
    readonly width: number;
    readonly lengthPenalty: number;
    readonly earlyStopping: boolean | 'never';
    readonly results: number;
  };
}

/** Fields that change the text but are not implemented, with the values that are as good as none. */
const REFUSED: Readonly<Record<string, readonly unknown[]>> = {
  num_beam_groups: [1],
  diversity_penalty: [0],
  constraints: [],
  force_words_ids: [],
  sequence_bias: [],
  exponential_decay_length_penalty: [],
  guidance_scale: [1],
  watermarking_config: [],
  penalty_alpha: [0],
  dola_layers: [],
  token_healing: [false],
  stop_strings: [],
  max_time: [],
};

/** The same where tokens are drawn; otherwise they have no effect. */
const REFUSED_WHEN_DRAWN: Readonly<Record<string, readonly unknown[]>> = {
  typical_p: [1],
  epsilon_cutoff: [0],
  eta_cutoff: [0],
  top_h: [],
};

/**
 * Reads an encoder-decoder's `generation_config.json`, or `config.json` and its class's defaults where there is
 * none, as transformers' `GenerationConfig` does; other defaults are those of its `generate`. Fields that have no effect on a text, and
 * those that transformers does not know, are not read.
 *
 * @throws KvasirError `invalid_model` for values of the wrong type or range; `unsupported_model` naming the
 * field that would change the text and is not implemented.
 */
export async function readGenerationDefaults(folder: string): Promise<GenerationDefaults> {
  const file = await ModelConfig.read(folder);
  const model = file.withDefaults(GENERATION_CLASS_DEFAULTS[file.string('model_type', '')] ?? {});
  const config = (await ifThere(ModelConfig.read(folder, 'generation_config.json'))) ?? model;
  const draws = config.flag('do_sample', false);
  refuse(config, REFUSED);
  if (draws) refuse(config, REFUSED_WHEN_DRAWN);
  const startIds = startOf(config.has('decoder_start_token_id') ? config : model);
  const maxTokens = lengthOf(config, 'max', startIds.length);
  return {
    startIds,
    maxTokens: maxTokens === undefined ? undefined : Math.max(1, maxTokens),
    minTokens: Math.max(0, lengthOf(config, 'min', startIds.length) ?? 0),
    sampling: samplingOf(config, draws),
    beams: beamsOf(config, draws),
  };
}

function refuse(config: ModelConfig, fields: Readonly<Record<string, readonly unknown[]>>): void {
  for (const [name, neutral] of Object.entries(fields)) {
    if (!config.has(name) || neutral.includes(config.value(name))) continue;
    config.unsupported(`${name} is ${JSON.stringify(config.value(name))}, which is not implemented`);
  }
}

/** BOS stands in for a start of its own. */
function startOf(config: ModelConfig): readonly number[] {
  const name = config.has('decoder_start_token_id') ? 'decoder_start_token_id' : 'bos_token_id';
  const ids = idsOf(config, name);
  if (ids.length !== 1) config.invalid(`${name} is ${JSON.stringify(ids)}, expected the id of one token`);
  return ids;
}

/** New tokens; `max_length` and `min_length` count what the decoder begins with. */
function lengthOf(config: ModelConfig, end: 'max' | 'min', start: number): number | undefined {
  if (config.has(`${end}_new_tokens`)) return config.count(`${end}_new_tokens`);
  return config.has(`${end}_length`) ? config.count(`${end}_length`) - start : undefined;
}

function samplingOf(config: ModelConfig, draws: boolean): SamplingDefaults {
  const eosIds = idsOf(config, 'eos_token_id');
  // What ends a text is not a bad word.
  const bannedSequences = bannedOf(config).filter(ids => ids.length > 1 || !eosIds.includes(ids[0]!));
  const first = firstIdOf(config);
  const forcedLastIds = idsOf(config, 'forced_eos_token_id');
  const suppressedIds = idsOf(config, 'suppress_tokens');
  const suppressedFirstIds = idsOf(config, 'begin_suppress_tokens');
  const noRepeatNgram = config.count('no_repeat_ngram_size', 0);
  const sourceNoRepeatNgram = config.count('encoder_no_repeat_ngram_size', 0);
  const sourceRepetitionPenalty = config.positive('encoder_repetition_penalty', 1);
  return {
    temperature: draws ? config.positive('temperature', 1) : 0,
    topK: draws ? config.count('top_k', 50) : 0,
    topP: draws ? fractionOf(config, 'top_p', 1) : 1,
    minP: draws ? fractionOf(config, 'min_p', 0) : 0,
    repetitionPenalty: config.positive('repetition_penalty', 1),
    ...(sourceRepetitionPenalty !== 1 && { sourceRepetitionPenalty }),
    ...(noRepeatNgram > 0 && { noRepeatNgram }),
    ...(sourceNoRepeatNgram > 0 && { sourceNoRepeatNgram }),
    ...(bannedSequences.length > 0 && { bannedSequences }),
    ...(first !== undefined && { forcedFirstId: first }),
    ...(forcedLastIds.length > 0 && { forcedLastIds }),
    ...(suppressedIds.length > 0 && { suppressedIds }),
    ...(suppressedFirstIds.length > 0 && { suppressedFirstIds }),
    ...(config.flag('renormalize_logits', false) && { normalizesScores: true }),
  };
}

/** Folders of the first BARTs have a flag in place of the id. */
function firstIdOf(config: ModelConfig): number | undefined {
  const name = config.flag('force_bos_token_to_be_generated', false) ? 'bos_token_id' : 'forced_bos_token_id';
  const ids = idsOf(config, name);
  if (ids.length > 1) config.invalid(`${name} is ${JSON.stringify(ids)}, expected the id of one token`);
  return ids[0];
}

function bannedOf(config: ModelConfig): readonly (readonly number[])[] {
  const value = config.has('bad_words_ids') ? config.value('bad_words_ids') : [];
  const fits =
    Array.isArray(value) && value.every(ids => Array.isArray(ids) && ids.length > 0 && ids.every(isId));
  if (!fits) config.invalid(`bad_words_ids is ${JSON.stringify(value)}, expected lists of token ids`);
  return value as number[][];
}

function beamsOf(config: ModelConfig, draws: boolean): GenerationDefaults['beams'] {
  const width = config.size('num_beams', 1);
  if (draws && width > 1)
    config.unsupported(`do_sample with num_beams ${width}: beams that are drawn are not implemented`);
  const results = config.size('num_return_sequences', 1);
  if (results > width && !draws)
    config.invalid(`num_return_sequences is ${results}, more than num_beams, ${width}`);
  const early = config.has('early_stopping') ? config.value('early_stopping') : false;
  if (early !== 'never' && typeof early !== 'boolean')
    config.invalid(`early_stopping is ${JSON.stringify(early)}, expected true, false or "never"`);
  return {
    width,
    lengthPenalty: config.finite('length_penalty', 1),
    earlyStopping: early,
    results: Math.min(results, width),
  };
}

function fractionOf(config: ModelConfig, name: string, fallback: number): number {
  const value = config.finite(name, fallback);
  if (value < 0 || value > 1) config.invalid(`${name} is ${value}, expected a number from 0 to 1`);
  return value;
}

/** One id or a list of them; empty where the field is absent. */
function idsOf(config: ModelConfig, name: string): readonly number[] {
  const value = config.has(name) ? [config.value(name)].flat() : [];
  if (!value.every(isId)) config.invalid(`${name} is ${JSON.stringify(value)}, expected token ids`);
  return value as number[];
}

function isId(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0;
}
