/**
 * Layouts of a decoder's KV cache. `slots`: a buffer of the whole context for each sequence that runs at once
 * (GroupQueryAttention). `paged`: blocks of positions, which sequences take as they grow and share where they
 * begin alike (PagedAttention, which only CUDA has).
 */
export const CACHE_KINDS = ['slots', 'paged'] as const;

export type CacheKind = (typeof CACHE_KINDS)[number];
