import t from 'tap';
import fc from 'fast-check';
import { Scheduler, type Schedulable, type SchedulerOptions, type Step } from '#engine/scheduler.js';
import type { SlotOperation } from '#model/decoder/contract.js';
import { runs } from '#test/support/property-runs.js';

class Fake implements Schedulable {
  computed = 0;
  prefillLength = 0;
  get prefillable(): number {
    return this.tokens.length;
  }
  readonly tokens: number[];

  constructor(
    readonly name: string,
    prompt: readonly number[],
    readonly maxLength = 1000,
    readonly reusesPrefix = true,
    readonly priority = 0,
  ) {
    this.tokens = [...prompt];
  }
}

/** A prompt of its own: no other seed's has a token in common with it. */
function prompt(seed: number, length: number): number[] {
  return Array.from({ length }, (_, i) => seed * 10_000 + i);
}

/** The tokens that stand in the cache, by slot. */
type Cells = (number | undefined)[][];

/** Those of layers that see all positions, and of layers with a window. */
interface Cache {
  readonly whole: Cells;
  readonly windowed: Cells;
}

function emptyCache(slots: number): Cache {
  const cells = (): Cells => Array.from({ length: slots }, () => []);
  return { whole: cells(), windowed: cells() };
}

function arrange(cells: Cells, operation: SlotOperation): void {
  if (operation.kind === 'release') cells[operation.slot] = cells[operation.slot]!.slice(0, operation.from);
  if (operation.kind === 'copy') cells[operation.to] = cells[operation.from]!.slice(0, operation.length);
  if (operation.kind === 'swap') {
    const { a, b, length } = operation;
    [cells[a], cells[b]] = [cells[b]!.slice(0, length), cells[a]!.slice(0, length)];
  }
}

/**
 * Does what an engine does in one step, to sequences and cells alike; what is generated depends on all that
 * came before.
 */
function run(scheduler: Scheduler<Fake>, { whole, windowed }: Cache, limit: number): Step<Fake> {
  const step = scheduler.schedule(limit);
  for (const operation of step.operations) {
    arrange(whole, operation);
    arrange(windowed, operation);
    if (operation.kind === 'trim') windowed[operation.slot]!.fill(undefined, 0, operation.before);
  }
  const write = (slot: number, position: number, token: number | undefined): void => {
    whole[slot]![position] = token;
    windowed[slot]![position] = token;
  };
  for (const { sequence, slot, start, length } of step.prefill) {
    for (let i = start; i < start + length; i++) write(slot, i, sequence.tokens[i]);
    sequence.computed = start + length;
    if (sequence.computed === sequence.prefillLength) generate(sequence);
  }
  step.decode.forEach((sequence, slot) => {
    write(slot, sequence.computed, sequence.tokens[sequence.computed]);
    sequence.computed++;
    generate(sequence);
  });
  return step;
}

function generate(sequence: Fake): void {
  sequence.tokens.push((sequence.tokens.at(-1)! * 31 + sequence.tokens.length) % 1_000_003);
}

const defaults: SchedulerOptions = {
  slots: 4,
  cacheTokens: 4000,
  reservedTokens: 10,
};

function setup(options: Partial<SchedulerOptions> = {}): {
  scheduler: Scheduler<Fake>;
  step: (limit?: number) => Step<Fake>;
} {
  const all = { ...defaults, ...options };
  const scheduler = new Scheduler<Fake>(all);
  const cache = emptyCache(all.slots);
  return { scheduler, step: (limit = 100) => run(scheduler, cache, limit) };
}

t.test('has nothing to do when nobody is there', async t => {
  t.strictSame(setup().step(), { operations: [], prefill: [], decode: [] });
});

t.test('tells what each slot holds', async t => {
  const { scheduler, step } = setup();
  const [a, b] = [new Fake('a', prompt(1, 10)), new Fake('b', prompt(2, 6))];
  scheduler.add(a);
  scheduler.add(b);
  for (let i = 0; i < 3; i++) step();
  t.strictSame(scheduler.occupancy, [
    { state: 'running', tokens: a.computed },
    { state: 'running', tokens: b.computed },
    { state: 'empty', tokens: 0 },
    { state: 'empty', tokens: 0 },
  ]);
  scheduler.remove(new Set([a]));
  t.strictSame(scheduler.occupancy.slice(0, 2), [
    { state: 'running', tokens: b.computed },
    { state: 'kept', tokens: a.computed },
  ]);
});

t.test('prefills one sequence after the other, in chunks, while others decode', async t => {
  const { scheduler, step } = setup();
  const [a, b] = [new Fake('a', prompt(1, 10)), new Fake('b', prompt(2, 6))];
  scheduler.add(a);
  scheduler.add(b);
  t.match(step(8).prefill, [{ sequence: a, slot: 0, start: 0, length: 8 }]);
  t.match(step(8).prefill, [{ sequence: a, slot: 0, start: 8, length: 2 }]);
  const third = step(4);
  t.match(third.prefill, [{ sequence: b, slot: 1, start: 0, length: 4 }]);
  t.strictSame(third.decode, [a]);
  t.match(step(4).prefill, [{ sequence: b, start: 4, length: 2 }]);
  t.strictSame(step(4).decode, [a, b]);
});

t.test('prefills short prompts together as far as the limit allows', async t => {
  const { scheduler, step } = setup({ wholePrompts: true });
  const sequences = [3, 5, 4, 2].map((length, i) => new Fake(String(i), prompt(i, length)));
  for (const sequence of sequences) scheduler.add(sequence);
  const chunks = step(15).prefill.map(({ slot, start, length }) => [slot, start, length]);
  t.strictSame(chunks, [
    [0, 0, 3],
    [1, 0, 5],
    [2, 0, 4],
  ]);
  t.match(step(15).prefill, [{ slot: 3, start: 0, length: 2 }]);
});

t.test('mixes chunks of several prompts, a continued one first, while the ready ones decode', async t => {
  const { scheduler, step } = setup({ mixes: true, keepsAhead: false });
  const [a, b, c] = [12, 3, 9].map((length, i) => new Fake(String(i), prompt(i, length))) as [
    Fake,
    Fake,
    Fake,
  ];
  for (const sequence of [a, b, c]) scheduler.add(sequence);
  const plan = ({ prefill, decode }: Step<Fake>): unknown => [
    prefill.map(({ sequence, start, length }) => [sequence.name, start, length]),
    decode.map(({ name }) => name),
  ];
  t.strictSame(plan(step(10)), [[['0', 0, 10]], []]);
  t.strictSame(plan(step(10)), [
    [
      ['0', 10, 2],
      ['1', 0, 3],
      ['2', 0, 5],
    ],
    [],
  ]);
  t.strictSame(plan(step(0)), [[], ['0', '1']]);
  t.strictSame(plan(step(10)), [[['2', 5, 4]], ['0', '1']]);
  t.strictSame(plan(step(10)), [[], ['0', '1', '2']]);
});

t.test('in mixed runs, a prompt waits for one that begins alike and is being prefilled', async t => {
  const { scheduler, step } = setup({ mixes: true, keepsAhead: false });
  const [a, b] = [new Fake('a', prompt(1, 40)), new Fake('b', [...prompt(1, 35), 7])];
  scheduler.add(a);
  scheduler.add(b);
  t.match(step(100).prefill, [{ sequence: a, start: 0, length: 40 }]);
  t.match(step(100), { prefill: [{ sequence: b, slot: 1, start: 35, length: 1 }], decode: [a] });
});

t.test(
  'fills the hole that a decoding sequence leaves with the last one, and keeps what it held',
  async t => {
    const { scheduler, step } = setup();
    const [a, b, c] = [1, 2, 3].map(seed => new Fake(String(seed), prompt(seed, 20))) as [Fake, Fake, Fake];
    for (const sequence of [a, b, c]) scheduler.add(sequence);
    for (let i = 0; i < 4; i++) step();
    scheduler.remove(new Set([a]));
    const { operations, decode } = step();
    t.strictSame(decode, [c, b]);
    t.match(operations, [{ kind: 'swap', a: 0, b: 2 }]);
    const again = new Fake('again', a.tokens.slice(0, 22));
    scheduler.add(again);
    t.match(step().prefill, [{ sequence: again, slot: 2, start: 21, length: 1 }]);
  },
);

t.test('starts from a running sequence by a copy, from an idle one in place', async t => {
  const { scheduler, step } = setup();
  const system = prompt(7, 40);
  scheduler.add(new Fake('a', [...system, 1]));
  step();
  scheduler.add(new Fake('b', [...system, 2]));
  const copied = step();
  t.strictSame(copied.operations, [{ kind: 'copy', from: 0, to: 1, length: 40 }]);
  t.match(copied.prefill, [{ slot: 1, start: 40, length: 1 }]);
});

t.test('short common beginnings are run again', async t => {
  const { scheduler, step } = setup();
  scheduler.add(new Fake('a', [1, 2, 3, 4]));
  step();
  scheduler.add(new Fake('b', [1, 2, 3, 5]));
  t.match(step().prefill, [{ start: 0, length: 4 }]);
});

t.test('gives up the slot that was not used for longest', async t => {
  const { scheduler, step } = setup({ slots: 2 });
  const one = (seed: number): void => {
    const sequence = new Fake(String(seed), prompt(seed, 20));
    scheduler.add(sequence);
    step();
    scheduler.remove(new Set([sequence]));
  };
  one(1);
  one(2);
  one(1);
  one(3);
  scheduler.add(new Fake('again', prompt(1, 21)));
  t.match(step().prefill, [{ start: 20, length: 1 }], 'the second was given up, not the first');
});

t.test('admits no more than the cache can hold', async t => {
  const { scheduler, step } = setup({ cacheTokens: 100, reservedTokens: 10 });
  for (const seed of [1, 2, 3]) scheduler.add(new Fake(String(seed), prompt(seed, 35)));
  step();
  step();
  step();
  t.equal(scheduler.running.length, 2);
  t.equal(scheduler.waiting.length, 1);
});

t.test('sends the youngest back when sequences outgrow the cache, ahead of those that never ran', async t => {
  const { scheduler, step } = setup({ cacheTokens: 60, reservedTokens: 2, slots: 2 });
  const [a, b, c] = [1, 2, 3].map(seed => new Fake(String(seed), prompt(seed, 20), 60)) as [Fake, Fake, Fake];
  for (const sequence of [a, b, c]) scheduler.add(sequence);
  while (scheduler.preemptions === 0) step();
  t.strictSame(scheduler.running, [a]);
  t.strictSame(scheduler.waiting, [b, c]);
  t.equal(b.computed, 0);
});

t.test('with a window, gives up what nobody sees any more, and goes on with a chat all the same', async t => {
  const { scheduler, step } = setup({ window: 10, trimStep: 5 });
  const first = new Fake('first', prompt(1, 40));
  scheduler.add(first);
  t.strictSame(step(24).operations, []);
  t.strictSame(step(24).operations, [{ kind: 'trim', slot: 0, before: 24 - 10 - 5 }]);
  t.strictSame(step().operations, [{ kind: 'trim', slot: 0, before: 40 - 10 - 5 }]);
  scheduler.remove(new Set([first]));

  const next = new Fake('next', [...first.tokens, ...prompt(2, 8)]);
  scheduler.add(next);
  t.match(step().prefill, [{ sequence: next, slot: 0, start: 41, length: 9 }], 'in full, and in place');
  scheduler.remove(new Set([next]));
  const elsewhere = new Fake('elsewhere', [...prompt(1, 34), ...prompt(3, 8)]);
  scheduler.add(elsewhere);
  t.match(step().prefill, [{ sequence: elsewhere, start: 0, length: 42 }], 'what it would need is gone');
});

t.test('with a window, starts from a shorter beginning where the longest one is of no use', async t => {
  const { scheduler, step } = setup({ window: 10, trimStep: 5 });
  const [long, short] = [new Fake('long', prompt(1, 70)), new Fake('short', [...prompt(1, 20), 7])];
  scheduler.add(short);
  step();
  scheduler.add(long);
  for (let i = 0; i < 3; i++) step();
  const next = new Fake('next', [...prompt(1, 30), 8]);
  scheduler.add(next);
  const { operations, prefill } = step();
  t.strictSame(operations, [
    { kind: 'copy', from: 0, to: 2, length: 20 },
    { kind: 'trim', slot: 2, before: 6 },
  ]);
  t.match(prefill, [{ sequence: next, slot: 2, start: 20, length: 11 }]);
});

t.test('what was trimmed is given back anew where it moves', async t => {
  const { scheduler, step } = setup({ window: 10, trimStep: 5 });
  const [a, b] = [new Fake('a', prompt(1, 40)), new Fake('b', prompt(2, 30))];
  scheduler.add(a);
  step();
  scheduler.add(b);
  for (let i = 0; i < 2; i++) step();
  scheduler.remove(new Set([a]));
  t.strictSame(step().operations, [
    { kind: 'swap', a: 0, b: 1, length: 42 },
    { kind: 'release', slot: 0, from: 31 },
    { kind: 'trim', slot: 0, before: 15 },
    { kind: 'trim', slot: 1, before: 25 },
  ]);
});

const action = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('add' as const),
      seed: fc.nat(3),
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
          mixes: fc.boolean(),
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
                if (cache.whole[slot]![i] !== sequence.tokens[i])
                  throw new Error(`${sequence.name} lost token ${i}`);
                if (isSeen && cache.windowed[slot]![i] !== sequence.tokens[i])
                  throw new Error(`${sequence.name} lost token ${i}, which it still sees`);
              }
            trims += operations.filter(({ kind }) => kind === 'trim').length;
            const slots = running.map(({ slot }) => slot);
            if (new Set(slots).size !== slots.length) throw new Error('two sequences share a slot');
            if (slots.some(slot => slot >= options.slots)) throw new Error('there is no such slot');
            const isMixed = options.mixes;
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
              const { seed, shared, own, grows, reuses, priority } = event;
              const tokens = [...prompt(seed, shared), ...prompt(5 + names, own)];
              scheduler.add(
                new Fake(`#${names++}`, tokens, Math.min(longest, tokens.length + grows), reuses, priority),
              );
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
