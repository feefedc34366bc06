import fc from 'fast-check';
import t from 'tap';
import { isPrefilled, Scheduler } from '#engine/scheduler.js';
import { runs } from '#test/support/property-runs.js';
import type { CachedSource } from '#engine/source.js';
import { emptyCache, Fake, nameOf, prompt, run } from '#test/support/simulated-cache.js';

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
      /** Which of a few sources, where the decoder attends to one. */
      source: fc.nat(3),
      /** Tokens of its own, so that some prompts are decoded and others prefilled. */
      begins: fc.constantFrom(1, 1, 2, 3, 30),
      /** Behind which of its tokens it pauses, if behind one. */
      pauses: fc.option(fc.nat(50), { nil: undefined }),
      /** Whether it is no more than held against its source, where it has one. */
      aligns: fc.constantFrom(false, false, true),
      reuses: fc.boolean(),
      priority: fc.integer({ min: -1, max: 1 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('step' as const),
      limit: fc.integer({ min: 1, max: 60 }),
      breaks: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('remove' as const),
      picks: fc.array(fc.nat(30), { minLength: 1, maxLength: 4 }),
    }),
  },
);

/** Longest source. */
const SOURCE = 30;

/** One of a few sources: of any length up to the longest one, or sound, all of which is as long. */
function sourceOf(seed: number, hears: boolean): CachedSource {
  if (hears) return { key: `sound ${seed}`, length: SOURCE };
  return prompt(seed, [1, 7, 20, SOURCE][seed]!);
}

t.test(
  'whatever happens, each sequence finds its own tokens in its slot, and nobody waits for ever',
  async t => {
    let trims = 0;
    let [encoded, together, taken, aligned, paused] = [0, 0, 0, 0, 0];
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
          /** Whether the decoder attends to sources: then it takes no runs of any prompts together. */
          sourced: fc.boolean(),
          hears: fc.boolean(),
        }),
        fc.array(action, { maxLength: 80, size: '+1' }),
        ({ spare, sourced, hears, ...any }, actions) => {
          const options = sourced ? { ...any, packs: false, wholePrompts: false } : any;
          const longest = 100;
          const cacheTokens = longest + (sourced ? SOURCE : 0) + spare;
          const scheduler = new Scheduler<Fake>({ ...options, cacheTokens });
          const cache = emptyCache(options.slots);
          const { window = Infinity } = options;
          let names = 0;
          const all = (): Fake[] => [...scheduler.running, ...scheduler.waiting];
          const step = (limit: number, breaks = false): void => {
            const before = [...scheduler.running];
            const { operations, encode, prefill, decode, align } = run(scheduler, cache, limit, breaks);
            if (align !== undefined) aligned++;
            if (encode.length > 0 && before.some(sequence => !all().includes(sequence)))
              throw new Error('a source that breaks ends others');
            const lengths = encode.map(({ sequence }) => sequence.source!.length);
            if (encode.length > 1 && Math.max(...lengths) * encode.length > limit)
              throw new Error('a run of sources has more tokens than it may');
            if (encode.some(({ slot }, i) => slot !== encode[0]!.slot + i))
              throw new Error('sources that are run together are not in consecutive slots');
            encoded += breaks ? 0 : encode.length;
            together += encode.length > 1 ? 1 : 0;
            const read = encode.map(({ sequence }) => sequence);
            for (const sequence of scheduler.running)
              if (sourced && !before.includes(sequence) && !read.includes(sequence)) taken++;
            const decoded = decode.map((sequence, slot) => ({
              sequence,
              slot,
              start: sequence.computed - 1,
            }));
            const running = [...decoded, ...prefill];
            for (const { sequence, slot } of running)
              if (nameOf(sequence.source) !== nameOf(cache.sources[slot]))
                throw new Error(`${sequence.name} lost its source`);
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
            const waitsForPrefill = encode.some(({ sequence }) => !isPrefilled(sequence));
            if (!isMixed && !waitsForPrefill && running.length !== scheduler.running.length)
              throw new Error('a sequence with a slot is left out');
            if (scheduler.cachedTokens > cacheTokens) throw new Error('the cache overflows');
            const done = all().filter(({ tokens, maxLength }) => tokens.length >= maxLength);
            scheduler.remove(new Set(done));
          };
          for (const event of actions) {
            if (event.type === 'add') {
              const { seed, scope, shared, own: more, grows, reuses, priority, begins } = event;
              const tokens = sourced
                ? prompt(seed, begins)
                : [...prompt(seed, shared), ...prompt(5 + names, more)];
              const maxLength = Math.min(longest, tokens.length + grows);
              const source = sourced ? sourceOf(event.source, hears) : undefined;
              const party = ['', String(names)];
              const name = `#${names++}`;
              const aligns = sourced && event.aligns;
              const own = aligns ? [] : tokens;
              const added = new Fake(name, own, maxLength, reuses, priority, scope, party, source, aligns);
              if (event.pauses !== undefined && event.pauses <= own.length && event.pauses > 0) {
                added.pausesAt = event.pauses;
                paused++;
              }
              scheduler.add(added);
            }
            if (event.type === 'step') step(event.limit, event.breaks);
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
      runs(500),
    );
    t.ok(trims > 0, `${trims} times something was given up`);
    t.ok(together > 0, `${encoded} sources were encoded, ${together} times several together`);
    t.ok(taken > 0, `${taken} times a source was there already`);
    t.ok(aligned > 0 && paused > 0, `${aligned} texts were held against their sources, ${paused} paused`);
  },
);
