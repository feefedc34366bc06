import fc from 'fast-check';
import t from 'tap';
import { Scheduler } from '#engine/scheduler.js';
import { runs } from '#test/support/property-runs.js';
import { emptyCache, Fake, prompt, run } from '#test/support/simulated-cache.js';

const action = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('add' as const),
      seed: fc.nat(3),
      scope: fc.constantFrom('', '', 'other'),
      shared: fc.nat(40),
      own: fc.integer({ min: 1, max: 20 }),
      grows: fc.integer({ min: 1, max: 30 }),
      reuses: fc.boolean(),
      priority: fc.integer({ min: -1, max: 1 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('step' as const), limit: fc.integer({ min: 1, max: 60 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('remove' as const),
      picks: fc.array(fc.nat(30), { minLength: 1, maxLength: 4 }),
    }),
  },
);

t.test(
  'whatever happens, each sequence finds its own tokens in its slot, and nobody waits for ever',
  async t => {
    let trims = 0;
    fc.assert(
      fc.property(
        fc.record({
          slots: fc.integer({ min: 1, max: 5 }),
          spare: fc.nat(300),
          reservedTokens: fc.nat(20),
          packs: fc.boolean(),
          wholePrompts: fc.boolean(),
          keepsAhead: fc.boolean(),
          window: fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
          trimStep: fc.integer({ min: 1, max: 20 }),
        }),
        fc.array(action, { maxLength: 80 }),
        ({ spare, ...options }, actions) => {
          const longest = 100;
          const cacheTokens = longest + spare;
          const scheduler = new Scheduler<Fake>({ ...options, cacheTokens });
          const cache = emptyCache(options.slots);
          const { window = Infinity } = options;
          let names = 0;
          const all = (): Fake[] => [...scheduler.running, ...scheduler.waiting];
          const step = (limit: number): void => {
            const { operations, prefill, decode } = run(scheduler, cache, limit);
            const decoded = decode.map((sequence, slot) => ({
              sequence,
              slot,
              start: sequence.computed - 1,
            }));
            const running = [...decoded, ...prefill];
            for (const { sequence, slot, start } of running)
              for (let i = 0; i < sequence.computed; i++) {
                const isSeen = i > start - window;
                if (cache.whole[slot]![i] !== sequence.content(i))
                  throw new Error(`${sequence.name} lost token ${i}`);
                if (isSeen && cache.windowed[slot]![i] !== sequence.content(i))
                  throw new Error(`${sequence.name} lost token ${i}, which it still sees`);
              }
            trims += operations.filter(({ kind }) => kind === 'trim').length;
            const slots = running.map(({ slot }) => slot);
            if (new Set(slots).size !== slots.length) throw new Error('two sequences share a slot');
            if (slots.some(slot => slot >= options.slots)) throw new Error('there is no such slot');
            const isMixed = options.packs;
            if (!isMixed && prefill.length > 1 && prefill.some(({ start }) => start > 0))
              throw new Error('only fresh sequences are prefilled together');
            const tokens = prefill.reduce((sum, { length }) => sum + length, 0);
            if (isMixed && tokens > limit) throw new Error('a run has more tokens than it may');
            if (prefill.some(({ length }) => length === 0)) throw new Error('a chunk has no tokens');
            if (!isMixed && running.length !== scheduler.running.length)
              throw new Error('a sequence with a slot is left out');
            if (scheduler.cachedTokens > cacheTokens) throw new Error('the cache overflows');
            const done = all().filter(({ tokens, maxLength }) => tokens.length >= maxLength);
            scheduler.remove(new Set(done));
          };
          for (const event of actions) {
            if (event.type === 'add') {
              const { seed, scope, shared, own, grows, reuses, priority } = event;
              const tokens = [...prompt(seed, shared), ...prompt(5 + names, own)];
              const maxLength = Math.min(longest, tokens.length + grows);
              scheduler.add(new Fake(`#${names++}`, tokens, maxLength, reuses, priority, scope));
            }
            if (event.type === 'step') step(event.limit);
            if (event.type === 'remove' && all().length > 0) {
              const leaving = new Set(event.picks.map(pick => all()[pick % all().length]!));
              scheduler.remove(leaving);
              if (all().some(sequence => leaving.has(sequence)))
                throw new Error('a removed sequence is still there');
            }
          }
          for (let steps = 0; all().length > 0; steps++) {
            if (steps > 20_000) throw new Error('somebody waits for ever');
            step(40);
          }
        },
      ),
      runs(1000),
    );
    t.ok(trims > 0, `${trims} times something was given up`);
  },
);
