/** How an engine shares its decoder among requests. */
export interface EngineOptions {
  /** How many sequences may wait for a slot before new ones are refused. */
  readonly maxWaiting: number;
  /** How many tokens the cache may hold; by default, and at most, all slots full. */
  readonly cacheTokens: number;
  /** See {@link Scheduler}. */
  readonly reservedTokens: number;
  /** Longest run of prompts or of sources, in tokens; a single source may be longer. */
  readonly prefillTokens: number;
  /** See {@link ChunkSize}. */
  readonly prefillShare: number;
  /** Whether prompts start from what earlier sequences left in the cache. */
  readonly reusesPrefix: boolean;
  /** Longest draft of speculative decoding, in tokens; 0 is off. */
  readonly draftTokens: number;
}

export const DEFAULT_ENGINE_OPTIONS: EngineOptions = {
  maxWaiting: 1024,
  cacheTokens: Infinity,
  reservedTokens: 256,
  prefillTokens: 512,
  prefillShare: 0.5,
  reusesPrefix: true,
  draftTokens: 0,
};
