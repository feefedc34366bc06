/** Sizes of a paged KV cache. */
export interface PagedSizes {
  readonly slots: number;
  /** Positions of a block. */
  readonly blockSize: number;
  /** Positions of the longest sequence. */
  readonly contextLength: number;
}

/** How many blocks hold all slots full: more are of no use. */
export function blocksOfFullSlots({ slots, blockSize, contextLength }: PagedSizes): number {
  return slots * Math.ceil(contextLength / blockSize);
}

/**
 * How many positions all slots together may hold so that the blocks never run out.
 *
 * With `P` positions in all, at most `floor(P / blockSize)` blocks are full, and each slot has at most one that is not: a shared block is
 * counted once, as a full one where it is full for any of its slots. So `floor(P / blockSize) + slots` blocks are enough, and the largest
 * `P` that a number of blocks allows follows.
 */
export function pagedCapacity(blocks: number, sizes: PagedSizes): number {
  const { slots, blockSize, contextLength } = sizes;
  if (blocks >= blocksOfFullSlots(sizes)) return slots * contextLength;
  return Math.max(0, (blocks - slots + 1) * blockSize - 1);
}
