import type { ModelConfig } from './config.js';

/**
 * Ways to make one vector of a text's token vectors. `mean_sqrt_len_tokens` is the sum over the square root of
 * the length, `weightedmean` the mean with weights 1, 2, 3, ... (SGPT, Muennighoff 2022).
 */
const POOLING_MODES = ['cls', 'max', 'mean', 'mean_sqrt_len_tokens', 'weightedmean', 'lasttoken'] as const;

export type PoolingMode = (typeof POOLING_MODES)[number];

/** The flags that sentence-transformers wrote before version 5.4, in the order of the vector's parts. */
const FLAGS: Readonly<Record<PoolingMode, string>> = {
  cls: 'pooling_mode_cls_token',
  max: 'pooling_mode_max_tokens',
  mean: 'pooling_mode_mean_tokens',
  mean_sqrt_len_tokens: 'pooling_mode_mean_sqrt_len_tokens',
  weightedmean: 'pooling_mode_weightedmean_tokens',
  lasttoken: 'pooling_mode_lasttoken',
};

/** How one vector is made of a text's token vectors. */
export interface Pooling {
  /** At least one; their vectors stand side by side. */
  readonly pooling: readonly PoolingMode[];
  /** False if the tokens of a prompt in front of the text have no share in the vector (INSTRUCTOR, Su et al. 2022). */
  readonly poolsPrompt: boolean;
}

/**
 * Reads a Pooling module: `pooling_mode`, a word or a list, or else the flags of older versions; the mean where
 * nothing is said.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`
 */
export function readPooling(config: ModelConfig): Pooling {
  const pooling = readModes(config);
  const poolsPrompt = config.flag('include_prompt', true);
  if (!poolsPrompt && pooling.includes('max'))
    config.unsupported('include_prompt is false: prompts cannot be left out of a maximum');
  return { pooling, poolsPrompt };
}

function readModes(config: ModelConfig): readonly PoolingMode[] {
  if (config.has('pooling_mode')) {
    const modes = config.wordOrWords('pooling_mode').map(mode => known(config, mode));
    return modes.length > 0 ? modes : config.invalid('pooling_mode is empty');
  }
  const modes = POOLING_MODES.filter(mode => config.flag(FLAGS[mode], false));
  return modes.length > 0 ? modes : ['mean'];
}

function known(config: ModelConfig, mode: string): PoolingMode {
  return (
    POOLING_MODES.find(name => name === mode) ??
    config.unsupported(`pooling_mode is '${mode}'; known: ${POOLING_MODES.join(', ')}`)
  );
}
