import type { Model } from '#registry/types.js';

/** Tokens of an engine's cache with all slots full, sources included. */
export function fullCache({
  slots,
  contextLength,
  sourceLength = 0,
}: Pick<NonNullable<Model['engine']>, 'slots' | 'contextLength' | 'sourceLength'>): number {
  return slots * (contextLength + sourceLength);
}
