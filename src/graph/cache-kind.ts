/**
 * Layouts of a decoder's KV cache. `slots`: a buffer of the whole context for each sequence that runs at once
 * (GroupQueryAttention). `paged`: blocks of positions, which sequences take as they grow and share where they
 * begin alike (PagedAttention, which only CUDA has).
 */
export const CACHE_KINDS = ['slots', 'paged'] as const;

export type CacheKind = (typeof CACHE_KINDS)[number];

/**
 * Forms of a decoder's graph: `slots`: all rows have as many tokens; `mixed`: over the same cache, rows that
 * decode and prompts share a run; `paged`: over a paged cache, any rows share a run.
 */
export type DecoderForm = CacheKind | 'mixed';
