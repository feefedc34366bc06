import type { SlotOperation } from '../decoder/contract.js';
import type { BlockPool } from './block-pool.js';

/** A block whose contents must be copied to another, before the next run. */
export interface BlockCopy {
  readonly from: number;
  readonly to: number;
}

/**
 * Which blocks of a paged KV cache hold each slot's sequence, in the order of its positions (PagedAttention,
 * Kwon et al. 2023). Slots may share blocks; one that is shared is never written, but copied when a slot
 * wants to write into it. Pure bookkeeping.
 */
export class BlockTable {
  readonly blockSize: number;
  readonly #pool: BlockPool;
  readonly #rows: number[][];

  /** @param blockSize positions of a block. */
  constructor(pool: BlockPool, slots: number, blockSize: number) {
    this.blockSize = blockSize;
    this.#pool = pool;
    this.#rows = Array.from({ length: slots }, () => []);
  }

  /** The blocks of a slot. */
  row(slot: number): readonly number[] {
    return this.#rows[slot]!;
  }

  /** Does to slots what a scheduler asks for; blocks are never trimmed. */
  arrange(operation: SlotOperation): void {
    switch (operation.kind) {
      case 'copy':
        return this.share(operation.from, operation.to, operation.length);
      case 'swap':
        return this.swap(operation.a, operation.b);
      case 'release':
        return this.truncate(operation.slot, operation.from);
      case 'trim':
        throw new Error('blocks are not trimmed');
    }
  }

  /** Lets a slot hold the first `length` positions of another one, and nothing else. */
  share(from: number, to: number, length: number): void {
    if (from === to) return this.truncate(to, length);
    this.truncate(to, 0);
    const shared = this.#rows[from]!.slice(0, this.#blocksOf(length));
    for (const block of shared) this.#pool.share(block);
    this.#rows[to] = shared;
  }

  /** Exchanges what two slots hold. */
  swap(a: number, b: number): void {
    const row = this.#rows[a]!;
    this.#rows[a] = this.#rows[b]!;
    this.#rows[b] = row;
  }

  /** Gives back the blocks of a slot that are behind its first `length` positions. */
  truncate(slot: number, length: number): void {
    for (const block of this.#rows[slot]!.splice(this.#blocksOf(length))) this.#pool.release(block);
  }

  /**
   * Makes room for positions `[length, length + count)` of a slot, of which it keeps the first `length`.
   *
   * @returns the copy of a shared block that is about to be written, where there is one.
   * @throws KvasirError `runtime_failure` where the pool has too few blocks; the slot then keeps what it had
   */
  extend(slot: number, length: number, count: number): BlockCopy | undefined {
    this.truncate(slot, length);
    const row = this.#rows[slot]!;
    const last = row.at(-1);
    const isShared = last !== undefined && length % this.blockSize !== 0 && this.#pool.references(last) > 1;
    const kept = isShared ? row.length - 1 : row.length;
    const taken = this.#pool.take(this.#blocksOf(length + count) - kept);
    row.splice(kept, 1, ...taken);
    if (!isShared) return undefined;
    this.#pool.release(last);
    return { from: last, to: taken[0]! };
  }

  #blocksOf(length: number): number {
    return Math.ceil(length / this.blockSize);
  }
}
