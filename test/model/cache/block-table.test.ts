import fc from 'fast-check';
import t from 'tap';
import { BlockPool } from '#model/cache/block-pool.js';
import { BlockTable } from '#model/cache/block-table.js';
import { blocksOfFullSlots } from '#model/cache/paged-capacity.js';
import { BlockSimulation } from '#test/support/block-simulation.js';
import { runs } from '#test/support/property-runs.js';

const SLOTS = 4;
const CONTEXT = 20;

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
          const simulation = new BlockSimulation(SLOTS, blockSize, blocks);
          const { table, sequences } = simulation;
          for (const step of operations) {
            const filled = sequences[step.slot]!.length;
            switch (step.kind) {
              case 'extend': {
                const kept = Math.min(step.kept, filled);
                simulation.extend(step.slot, kept, Math.min(step.count, CONTEXT - kept));
                break;
              }
              case 'share':
                simulation.arrange({
                  kind: 'copy',
                  from: step.slot,
                  to: step.to,
                  length: Math.min(step.kept, filled),
                });
                break;
              case 'swap':
                simulation.arrange({ kind: 'swap', a: step.slot, b: step.to, length: CONTEXT });
                break;
              case 'truncate':
                simulation.arrange({ kind: 'release', slot: step.slot, from: step.kept });
            }
            simulation.check();
          }
          for (let slot = 0; slot < SLOTS; slot++) table.truncate(slot, 0);
          if (simulation.pool.freeBlocks !== blocks) throw new Error('a block is never given back');
        },
      ),
      runs(500),
    );
  },
);

t.test('a slot that cannot grow keeps what it has', async t => {
  const simulation = new BlockSimulation(SLOTS, 4, 3);
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
