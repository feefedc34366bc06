import t from 'tap';
import { Scheduler, type SchedulerOptions, type Step } from '#engine/scheduler.js';
import { emptyCache, Fake, prompt, run } from '#test/support/simulated-cache.js';

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
  t.strictSame(setup().step(), { operations: [], encode: [], prefill: [], decode: [], align: undefined });
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

t.test('where chunks would have other logits, a prompt comes in one piece', async t => {
  const { scheduler, step } = setup({ chunkInvariant: false });
  scheduler.add(new Fake('a', prompt(1, 10)));
  t.match(step(4).prefill, [{ slot: 0, start: 0, length: 10 }]);
  t.equal(step(4).decode.length, 1);
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
  const { scheduler, step } = setup({ packs: true, keepsAhead: false });
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
  const { scheduler, step } = setup({ packs: true, keepsAhead: false });
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

t.test('sequences of another scope share nothing, whether they wait, run or ended', async t => {
  for (const options of [{ wholePrompts: true }, { packs: true }]) {
    const { scheduler, step } = setup(options);
    const sequence = (scope: string): Fake => new Fake(scope, prompt(7, 40), 1000, true, 0, scope);
    const [a, b] = [sequence('a'), sequence('b')];
    scheduler.add(a);
    scheduler.add(b);
    t.strictSame(
      step(200).prefill.map(({ start, length }) => [start, length]),
      [
        [0, 40],
        [0, 40],
      ],
      'neither waits for the other',
    );
    scheduler.remove(new Set([a, b]));
    scheduler.add(sequence('c'));
    t.match(step(200).prefill, [{ start: 0, length: 40 }]);
    scheduler.add(sequence('a'));
    t.match(step(200).prefill, [{ start: 39, length: 1 }]);
  }
});

t.test('tells how many tokens wait, less what the cache has of them by now', async t => {
  const { scheduler, step } = setup();
  const [a, b] = [new Fake('a', prompt(1, 40)), new Fake('b', [...prompt(1, 38), 7])];
  scheduler.add(a);
  scheduler.add(b);
  t.strictSame(scheduler.demand(), { decoding: 0, waiting: 2, tokens: 79 });
  t.strictSame(scheduler.demand(30), { decoding: 0, waiting: 2, tokens: 40 }, 'as many as need be known');
  step(20);
  t.strictSame(scheduler.demand(), { decoding: 0, waiting: 2, tokens: 20 + 19 });
  step(20);
  t.strictSame(scheduler.demand(), { decoding: 1, waiting: 1, tokens: 1 });
  step(0);
  t.strictSame(scheduler.demand(), { decoding: 1, waiting: 1, tokens: 1 });
  scheduler.remove(new Set([a]));
  t.strictSame(scheduler.demand(), { decoding: 0, waiting: 1, tokens: 1 });
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

t.test('a client with one request does not wait for another with thousands', async t => {
  for (const packs of [true, false]) {
    const { scheduler, step } = setup({ packs, wholePrompts: true, slots: 2 });
    for (let i = 0; i < 1000; i++)
      scheduler.add(new Fake(`a${i}`, prompt(i, 5), 8, true, 0, '', ['a', Math.floor(i / 900)]));
    const end = (): void => {
      scheduler.remove(
        new Set(scheduler.running.filter(({ tokens, maxLength }) => tokens.length >= maxLength)),
      );
    };
    for (let i = 0; i < 10; i++, end()) step(10);
    const b = new Fake('b', prompt(5000, 5), 8, true, 0, '', ['b', 0]);
    scheduler.add(b);
    const before = scheduler.waitingCount;
    while (!scheduler.running.includes(b)) {
      step(10);
      end();
    }
    t.ok(before - scheduler.waitingCount <= 2, `${before - scheduler.waitingCount} were admitted`);
  }
});

t.test('one that was withdrawn never runs, and the others keep their order', async t => {
  const { scheduler, step } = setup({ slots: 1 });
  const [a, b, c] = [1, 2, 3].map(seed => new Fake(String(seed), prompt(seed, 4))) as [Fake, Fake, Fake];
  for (const sequence of [a, b, c]) scheduler.add(sequence);
  step();
  t.equal(scheduler.withdraw(b), true);
  t.equal(scheduler.withdraw(b), false);
  t.equal(scheduler.withdraw(a), false, 'it runs');
  t.strictSame(scheduler.waiting, [c]);
  scheduler.remove(new Set([a]));
  t.match(step().prefill, [{ sequence: c }]);
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
