import { ifThere } from '#files.js';
import { ModelConfig } from '#graph/config.js';

/** Whether a generator's `generation_config.json` says how its tokens are drawn where a request does not. */
export const GENERATION_CONFIG_USES = ['auto', 'none'] as const;

export type GenerationConfigUse = (typeof GENERATION_CONFIG_USES)[number];

/**
 * How a generator's tokens are chosen where a request does not say. What is absent is as peers have it: a
 * temperature of 1 and nothing else.
 */
export interface SamplingConfig {
  /** At least 0; 0 takes the most probable token. */
  readonly temperature?: number;
  /** 0: all. */
  readonly topK?: number;
  /** From 0 to 1. */
  readonly topP?: number;
  /** From 0 to 1. */
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  /** Most tokens to generate. */
  readonly maxTokens?: number;
}

/** Fields that change texts in transformers and are not taken, with the values that are as good as none. */
const IGNORED: Readonly<Record<string, readonly unknown[]>> = {
  num_beams: [1],
  num_beam_groups: [1],
  diversity_penalty: [0],
  no_repeat_ngram_size: [0],
  encoder_no_repeat_ngram_size: [0],
  encoder_repetition_penalty: [1],
  bad_words_ids: [],
  force_words_ids: [],
  constraints: [],
  forced_bos_token_id: [],
  forced_eos_token_id: [],
  suppress_tokens: [],
  begin_suppress_tokens: [],
  sequence_bias: [],
  exponential_decay_length_penalty: [],
  guidance_scale: [1],
  watermarking_config: [],
  penalty_alpha: [0],
  dola_layers: [],
  token_healing: [false],
  stop_strings: [],
  min_new_tokens: [0],
  min_length: [0],
  typical_p: [1],
  epsilon_cutoff: [0],
  eta_cutoff: [0],
  top_h: [],
};

/** What config.json has where older versions of transformers have written all of their defaults into it. */
const WRITTEN_DEFAULTS: Readonly<Record<string, number>> = {
  temperature: 1,
  top_k: 50,
  top_p: 1,
  repetition_penalty: 1,
};

/**
 * Reads the sampling defaults of a generator's `generation_config.json`, or of config.json where there is none, as
 * vLLM does: `do_sample` is not asked for, so that a temperature that the file has holds, and one that it does not
 * have is 1.
 *
 * @param onWarning told in a sentence of fields that are not taken.
 * @throws KvasirError `invalid_model` for values of the wrong type or range
 */
export async function readSamplingConfig(
  folder: string,
  use: GenerationConfigUse = 'auto',
  onWarning?: (warning: string) => void,
): Promise<SamplingConfig> {
  if (use === 'none') return {};
  const own = await ifThere(ModelConfig.read(folder, 'generation_config.json'));
  const config = own ?? (await ifThere(ModelConfig.read(folder)));
  if (config === undefined) return {};
  const has = (name: string): boolean =>
    config.has(name) && (own !== undefined || config.value(name) !== WRITTEN_DEFAULTS[name]);
  const topK = has('top_k') ? readTopK(config) : undefined;
  if (own !== undefined) warnOfIgnored(own, onWarning);
  return {
    ...(has('temperature') && { temperature: readRange(config, 'temperature', Infinity) }),
    ...(topK !== undefined && { topK }),
    ...(has('top_p') && { topP: readRange(config, 'top_p', 1) }),
    ...(has('min_p') && { minP: readRange(config, 'min_p', 1) }),
    ...(has('repetition_penalty') && { repetitionPenalty: config.positive('repetition_penalty') }),
    ...(own?.has('max_new_tokens') && { maxTokens: own.size('max_new_tokens') }),
  };
}

/** 0 and -1 are all. */
function readTopK(config: ModelConfig): number {
  return config.value('top_k') === -1 ? 0 : config.count('top_k');
}

function readRange(config: ModelConfig, name: string, most: number): number {
  const value = config.finite(name);
  if (value < 0 || value > most)
    config.invalid(`${name} is ${value}, expected a number from 0${most === Infinity ? '' : ` to ${most}`}`);
  return value;
}

function warnOfIgnored(config: ModelConfig, onWarning?: (warning: string) => void): void {
  const names = Object.entries(IGNORED).flatMap(([name, neutral]) => {
    const value = config.value(name);
    const isEmpty = Array.isArray(value) && value.length === 0;
    return !config.has(name) || isEmpty || neutral.includes(value) ? [] : [name];
  });
  if (names.length > 0)
    onWarning?.(
      `generation_config.json has ${names.join(', ')}, which transformers' generate() obeys: here only requests ask for such things`,
    );
}
