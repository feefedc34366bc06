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
 * A block that some slot fills is full, however little of it others share; each slot has at most one that is
 * not, with at least one position. So `P` positions need the most blocks where every slot ends with one
 * position in a block of its own: `floor((P - slots) / blockSize) + slots`. This is the largest `P` for which
 * there are as many. Sharing a block needs none.
 *
 * @returns infinite where all slots may be full.
 */
export function pagedCapacity(blocks: number, sizes: PagedSizes): number {
  const { slots, blockSize } = sizes;
  if (blocks >= blocksOfFullSlots(sizes)) return Infinity;
  return Math.max(0, (blocks - slots + 1) * blockSize + slots - 1);
}
