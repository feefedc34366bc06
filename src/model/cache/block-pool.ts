import { KvasirError } from '#errors.js';

/**
 * Which blocks of a paged KV cache are free, and how many sequences refer to each of the others. Pure
 * bookkeeping.
 */
export class BlockPool {
  /** By block; 0: free. */
  readonly #references: Uint16Array;
  /** The next one to hand out is the last. */
  readonly #free: number[];

  /** @param blocks how many there are. */
  constructor(blocks: number) {
    this.#references = new Uint16Array(blocks);
    this.#free = Array.from({ length: blocks }, (_, i) => blocks - 1 - i);
  }

  get freeBlocks(): number {
    return this.#free.length;
  }

  /** How many refer to a block. */
  references(block: number): number {
    return this.#references[block]!;
  }

  /**
   * Hands out free blocks, with one reference each.
   *
   * @throws KvasirError `runtime_failure` where there are not as many, which a scheduler that keeps to
   * {@link pagedCapacity} never sees
   */
  take(count: number): number[] {
    if (count > this.#free.length)
      throw new KvasirError(
        'runtime_failure',
        `the KV cache has ${this.#free.length} free blocks, and ${count} are needed`,
      );
    const blocks = this.#free.splice(this.#free.length - count);
    for (const block of blocks) this.#references[block] = 1;
    return blocks;
  }

  /** Adds a reference to a block that is in use. */
  share(block: number): void {
    this.#references[block]!++;
  }

  /** Takes a reference back; with the last one the block is free. */
  release(block: number): void {
    if (--this.#references[block]! === 0) this.#free.push(block);
  }
}
