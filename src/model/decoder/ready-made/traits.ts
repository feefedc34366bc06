import type { DecoderTraits } from '../contract.js';

/** What ready-made graphs do, unless a trial finds otherwise. */
export const READY_MADE_TRAITS: DecoderTraits = {
  mixes: false,
  packs: false,
  wholePrompts: true,
  chunkInvariant: true,
  window: undefined,
  cacheTokens: Infinity,
};
