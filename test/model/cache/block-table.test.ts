import fc from 'fast-check';
import t from 'tap';
import { BlockPool } from '../../../src/model/cache/block-pool.js';
import { BlockTable } from '../../../src/model/cache/block-table.js';
import { blocksOfFullSlots } from '../../../src/model/cache/paged-capacity.js';

const SLOTS = 4;
const CONTEXT = 20;

/** What each slot is to hold, beside the blocks, written as a device would write them. */
class Simulation {
  readonly sequences: number[][] = Array.from({ length: SLOTS }, () => []);
  readonly pool: BlockPool;
  readonly table: BlockTable;
  readonly #blocks: number;
  readonly #contents: number[][];
  #next = 0;

  constructor(blockSize: number, blocks: number) {
    this.#blocks = blocks;
    this.pool = new BlockPool(blocks);
    this.table = new BlockTable(this.pool, SLOTS, blockSize);
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

const slot = fc.nat(SLOTS - 1);
const operation = fc.oneof(
  fc.record({ kind: fc.constant('extend' as const), slot, kept: fc.nat(CONTEXT), count: fc.nat(9) }),
  fc.record({ kind: fc.constant('share' as const), slot, to: slot, kept: fc.nat(CONTEXT) }),
  fc.record({ kind: fc.constant('swap' as const), slot, to: slot }),
  fc.record({ kind: fc.constant('truncate' as const), slot, kept: fc.nat(CONTEXT) }),
);

t.test(
  'slots hold what was written to them, blocks are written by one slot only, and none gets lost',
  async () => {
    fc.assert(
      fc.property(
        fc.constantFrom(1, 2, 4, 8),
        fc.array(operation, { maxLength: 40 }),
        (blockSize, operations) => {
          const blocks = blocksOfFullSlots({ slots: SLOTS, blockSize, contextLength: CONTEXT });
          const simulation = new Simulation(blockSize, blocks);
          const { table, sequences } = simulation;
          for (const step of operations) {
            const filled = sequences[step.slot]!.length;
            switch (step.kind) {
              case 'extend': {
                const kept = Math.min(step.kept, filled);
                simulation.extend(step.slot, kept, Math.min(step.count, CONTEXT - kept));
                break;
              }
              case 'share': {
                const kept = Math.min(step.kept, filled);
                table.share(step.slot, step.to, kept);
                sequences[step.to] = sequences[step.slot]!.slice(0, kept);
                break;
              }
              case 'swap': {
                table.swap(step.slot, step.to);
                const held = sequences[step.slot]!;
                sequences[step.slot] = sequences[step.to]!;
                sequences[step.to] = held;
                break;
              }
              case 'truncate':
                table.truncate(step.slot, step.kept);
                sequences[step.slot] = sequences[step.slot]!.slice(0, step.kept);
            }
            simulation.check();
          }
          for (let slot = 0; slot < SLOTS; slot++) table.truncate(slot, 0);
          if (simulation.pool.freeBlocks !== blocks) throw new Error('a block is never given back');
        },
      ),
      { numRuns: 500 },
    );
  },
);

t.test('a slot that cannot grow keeps what it has', async t => {
  const simulation = new Simulation(4, 3);
  simulation.extend(0, 0, 6);
  simulation.table.share(0, 1, 5);
  simulation.sequences[1] = simulation.sequences[0]!.slice(0, 5);
  t.throws(() => simulation.table.extend(1, 5, 4), {
    code: 'runtime_failure',
    message: 'the KV cache has 1 free blocks, and 2 are needed',
  });
  simulation.check();
});

t.test('a whole block is shared without a copy, and a part is copied when it is written', async t => {
  const pool = new BlockPool(8);
  const table = new BlockTable(pool, 2, 4);
  table.extend(0, 0, 7);
  table.share(0, 1, 6);
  t.equal(pool.freeBlocks, 6, 'sharing takes nothing');
  const copy = table.extend(1, 6, 1);
  t.strictSame(copy, { from: table.row(0)[1], to: table.row(1)[1] });
  t.equal(table.row(1)[0], table.row(0)[0]);
  t.equal(table.extend(0, 7, 1), undefined, 'the other slot has its block to itself again');
  table.share(0, 1, 4);
  t.equal(table.extend(1, 4, 1), undefined, 'whole blocks are never copied');
});
