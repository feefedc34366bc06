import { BlockPool } from '#model/cache/block-pool.js';
import { BlockTable } from '#model/cache/block-table.js';
import type { SlotOperation } from '#model/decoder/contract.js';

/** What each slot is to hold, beside the blocks, written as a device would write them. */
export class BlockSimulation {
  readonly sequences: number[][];
  readonly pool: BlockPool;
  readonly table: BlockTable;
  readonly #blocks: number;
  readonly #contents: number[][];
  #next = 0;

  constructor(slots: number, blockSize: number, blocks: number) {
    this.sequences = Array.from({ length: slots }, () => []);
    this.#blocks = blocks;
    this.pool = new BlockPool(blocks);
    this.table = new BlockTable(this.pool, slots, blockSize);
    this.#contents = Array.from({ length: blocks }, () => []);
  }

  /** Writes new positions behind the first `length` ones, wherever the table says. */
  extend(slot: number, length: number, count: number): void {
    const { blockSize } = this.table;
    const copy = this.table.extend(slot, length, count);
    if (copy !== undefined) this.#contents[copy.to] = [...this.#contents[copy.from]!];
    const sequence = this.sequences[slot]!.slice(0, length);
    for (let position = length; position < length + count; position++) {
      const block = this.table.row(slot)[Math.floor(position / blockSize)]!;
      if (this.pool.references(block) !== 1) throw new Error(`block ${block} is written, but shared`);
      this.#contents[block]![position % blockSize] = this.#next;
      sequence.push(this.#next++);
    }
    this.sequences[slot] = sequence;
  }

  /** Does what a scheduler asks of a cache. */
  arrange(operation: SlotOperation): void {
    const { sequences } = this;
    this.table.arrange(operation);
    if (operation.kind === 'copy')
      sequences[operation.to] = sequences[operation.from]!.slice(0, operation.length);
    if (operation.kind === 'swap') {
      const { a, b } = operation;
      [sequences[a], sequences[b]] = [sequences[b]!, sequences[a]!];
    }
    if (operation.kind === 'release')
      sequences[operation.slot] = sequences[operation.slot]!.slice(0, operation.from);
  }

  /**
   * @throws Error where a slot does not hold what was written to it, or a block is lost or counted wrongly.
   */
  check(): void {
    const { blockSize } = this.table;
    const references = new Array<number>(this.#blocks).fill(0);
    this.sequences.forEach((sequence, slot) => {
      const row = this.table.row(slot);
      if (row.length !== Math.ceil(sequence.length / blockSize))
        throw new Error(`slot ${slot}: ${row.length} blocks`);
      for (const block of row) references[block]!++;
      sequence.forEach((value, position) => {
        const found = this.#contents[row[Math.floor(position / blockSize)]!]![position % blockSize];
        if (found !== value) throw new Error(`slot ${slot}, position ${position}: ${found}, not ${value}`);
      });
    });
    references.forEach((count, block) => {
      if (this.pool.references(block) !== count)
        throw new Error(`block ${block}: ${this.pool.references(block)} references, ${count} rows`);
    });
    const free = references.filter(count => count === 0).length;
    if (this.pool.freeBlocks !== free) throw new Error(`${this.pool.freeBlocks} free blocks, not ${free}`);
  }
}
