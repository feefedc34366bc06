import fc from 'fast-check';
import t from 'tap';
import { Scheduler, type Schedulable } from '#engine/scheduler.js';
import { blocksOfFullSlots, pagedCapacity } from '#model/cache/paged-capacity.js';
import { BlockSimulation } from '#test/support/block-simulation.js';
import { runs } from '#test/support/property-runs.js';

const CONTEXT = 60;

interface Fake extends Schedulable {
  readonly tokens: number[];
}

const sizes = fc
  .record({
    slots: fc.integer({ min: 1, max: 5 }),
    blockSize: fc.constantFrom(1, 4, 8, 16),
    reservedTokens: fc.nat(10),
    draftTokens: fc.constantFrom(0, 5),
    spare: fc.nat(100),
  })
  .map(size => {
    const { slots, blockSize, draftTokens, spare } = size;
    // As few blocks as let one sequence of the whole context run, and some more.
    const least = Math.floor((CONTEXT + slots * draftTokens - slots) / blockSize) + slots;
    const most = blocksOfFullSlots({ slots, blockSize, contextLength: CONTEXT });
    return { ...size, blocks: Math.min(least + Math.floor(spare / blockSize), most) };
  });

const action = fc.oneof(
  fc.record({
    type: fc.constant('add' as const),
    seed: fc.nat(2),
    shared: fc.nat(40),
    own: fc.integer({ min: 1, max: 20 }),
    grows: fc.integer({ min: 1, max: 40 }),
  }),
  fc.record({ type: fc.constant('step' as const), limit: fc.nat(60), draft: fc.nat(5) }),
  fc.record({ type: fc.constant('remove' as const), pick: fc.nat(30) }),
);

t.test('with the budget that a number of blocks allows, a scheduler never finds them all taken', async t => {
  let fullest = 0;
  let preemptions = 0;
  fc.assert(
    fc.property(sizes, fc.array(action, { minLength: 10, maxLength: 120 }), (size, actions) => {
      const { slots, blockSize, blocks, draftTokens } = size;
      const capacity = pagedCapacity(blocks, { slots, blockSize, contextLength: CONTEXT });
      const cacheTokens = Math.min(capacity - slots * draftTokens, slots * CONTEXT);
      const scheduler = new Scheduler<Fake>({ ...size, packs: true, keepsAhead: false, cacheTokens });
      const cache = new BlockSimulation(slots, blockSize, blocks);
      const all = (): Fake[] => [...scheduler.running, ...scheduler.waiting];
      let next = 1e6;

      const step = (limit: number, draft: number): void => {
        const { operations, prefill, decode } = scheduler.schedule(limit);
        for (const operation of operations) cache.arrange(operation);
        for (const { slot, start, length } of prefill) cache.extend(slot, start, length);
        decode.forEach(({ computed, tokens, maxLength }, slot) => {
          // A draft that turns out wrong stays behind the sequence.
          const drafted = decode.length === 1 ? Math.min(draft, draftTokens, maxLength - tokens.length) : 0;
          cache.extend(slot, computed, 1 + drafted);
        });
        cache.check();
        fullest = Math.max(fullest, 1 - cache.pool.freeBlocks / blocks);
        for (const { sequence, length } of prefill) {
          sequence.computed += length;
          if (sequence.computed === sequence.prefillLength) sequence.tokens.push(next++);
        }
        for (const sequence of decode) {
          sequence.computed++;
          sequence.tokens.push(next++);
        }
        scheduler.remove(new Set(all().filter(({ tokens, maxLength }) => tokens.length >= maxLength)));
      };

      for (const event of actions) {
        if (event.type === 'step') step(event.limit, event.draft);
        if (event.type === 'add') {
          const { seed, shared, own, grows } = event;
          const tokens = Array.from({ length: shared }, (_, i) => seed * 100 + i);
          for (let i = 0; i < own; i++) tokens.push(next++);
          const prompt = tokens.slice(0, CONTEXT - 1);
          const maxLength = Math.min(CONTEXT, prompt.length + grows);
          scheduler.add({
            scope: '',
            tokens: prompt,
            keys: prompt,
            computed: 0,
            encoded: false,
            get prefillable(): number {
              return prompt.length;
            },
            get reusable(): number {
              return prompt.length - 1;
            },
            prefillLength: 0,
            maxLength,
            reusesPrefix: true,
            priority: 0,
            party: ['', prompt],
          });
        }
        if (event.type === 'remove' && all().length > 0)
          scheduler.remove(new Set([all()[event.pick % all().length]!]));
      }
      for (let steps = 0; all().length > 0; steps++) {
        if (steps > 10_000) throw new Error('somebody waits for ever');
        step(40, 0);
      }
      preemptions += scheduler.preemptions;
    }),
    runs(1000),
  );
  t.equal(fullest, 1, 'all blocks were taken at some time');
  t.ok(preemptions > 0, `${preemptions} sequences gave way`);
});
