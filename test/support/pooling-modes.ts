import type { PoolingMode } from '#graph/sentence-pooling.js';

const ALL: Readonly<Record<PoolingMode, true>> = {
  cls: true,
  max: true,
  mean: true,
  mean_sqrt_len_tokens: true,
  weightedmean: true,
  lasttoken: true,
};

/** All ways to make one vector of a text's token vectors. */
export const POOLING_MODES = Object.keys(ALL) as PoolingMode[];
