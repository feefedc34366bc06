import fc from 'fast-check';
import t from 'tap';
import { seededRandom } from '#test/support/seeded-random.js';
import { BatchScheduler, type Batchable, type BatchOptions } from '#batching/scheduler.js';
import { runs } from '#test/support/property-runs.js';

interface Fake extends Batchable {
  readonly owner: { readonly name: string };
}

const OPTIONS: BatchOptions = { maxTokens: 1000, maxPadding: 0.1, smallBatch: 100 };

function request(name: string, lengths: readonly number[], client = '', kind = 'text'): Fake[] {
  const owner = { name };
  return lengths.map(length => ({ owner, client, kind, length }));
}

function lengths(batch: readonly Fake[]): number[] {
  return batch.map(({ length }) => length);
}

/** Tokens of a batch with its padding. */
function padded(batch: readonly Batchable[]): number {
  return batch.length * Math.max(...batch.map(({ length }) => length));
}

function sum(batch: readonly Batchable[]): number {
  return batch.reduce((total, { length }) => total + length, 0);
}

t.test('nothing waits, nothing runs', async t => {
  t.strictSame(new BatchScheduler(OPTIONS).next(), []);
});

t.test('requests are merged', async t => {
  const scheduler = new BatchScheduler<Fake>(OPTIONS);
  scheduler.add(request('a', [100, 100]));
  scheduler.add(request('b', [100]));
  t.equal(scheduler.waiting, 3);
  t.strictSame(lengths(scheduler.next()), [100, 100, 100]);
  t.equal(scheduler.waiting, 0);
});

t.test('a batch has no more tokens than the budget, padding included', async t => {
  const scheduler = new BatchScheduler<Fake>(OPTIONS);
  scheduler.add(request('a', new Array<number>(25).fill(95)));
  t.strictSame([scheduler.next().length, scheduler.next().length, scheduler.next().length], [10, 10, 5]);
});

t.test('an input beyond the budget runs alone', async t => {
  const scheduler = new BatchScheduler<Fake>(OPTIONS);
  scheduler.add(request('a', [5000, 10]));
  t.strictSame(lengths(scheduler.next()), [5000]);
  t.strictSame(lengths(scheduler.next()), [10]);
});

t.test('what is much shorter or longer waits for its like', async t => {
  const scheduler = new BatchScheduler<Fake>(OPTIONS);
  scheduler.add(request('a', [200, 300]));
  scheduler.add(request('b', [210, 290, 195]));
  t.strictSame(lengths(scheduler.next()), [195, 200, 210]);
  t.strictSame(lengths(scheduler.next()), [290, 300]);
});

t.test('small batches are worth any padding', async t => {
  const scheduler = new BatchScheduler<Fake>(OPTIONS);
  scheduler.add(request('a', [3, 20, 7, 25]));
  t.strictSame(lengths(scheduler.next()), [3, 7, 20, 25]);
});

t.test('padding stays under 10 % on mixed lengths', async t => {
  const scheduler = new BatchScheduler<Fake>(OPTIONS);
  const random = seededRandom(1);
  const lengthOf = (): number => 8 + Math.floor(random() * 249);
  let [tokens, total] = [0, 0];
  // 64 clients, each of which sends its next text when it has the answer to the last one.
  for (let client = 0; client < 64; client++) scheduler.add(request(`${client}`, [lengthOf()]));
  for (let step = 0; step < 500; step++) {
    const batch = scheduler.next();
    tokens += sum(batch);
    total += padded(batch);
    for (const { owner } of batch) scheduler.add([{ owner, client: '', kind: 'text', length: lengthOf() }]);
  }
  t.ok(1 - tokens / total < 0.1, `${((1 - tokens / total) * 100).toFixed(1)} %`);
});

t.test('a large request does not keep small ones waiting', async t => {
  const scheduler = new BatchScheduler<Fake>(OPTIONS);
  scheduler.add(request('large', new Array<number>(1000).fill(200)));
  scheduler.next();
  scheduler.add(request('small', [30]));
  scheduler.add(request('smaller', [10]));
  const names = [scheduler.next(), scheduler.next(), scheduler.next()].map(batch =>
    batch.map(({ owner }) => owner.name),
  );
  t.ok(names.flat().includes('small'));
  t.ok(names.flat().includes('smaller'));
});

t.test('a short text is not passed over for ever by longer ones that keep coming', async t => {
  const scheduler = new BatchScheduler<Fake>(OPTIONS);
  for (let client = 0; client < 8; client++) scheduler.add(request(`${client}`, [150]));
  scheduler.add(request('odd', [900]));
  let batches = 0;
  for (;;) {
    const batch = scheduler.next();
    batches++;
    if (batch.some(({ owner }) => owner.name === 'odd')) break;
    for (const { owner } of batch) scheduler.add([{ owner, client: '', kind: 'text', length: 150 }]);
    if (batches > 100) break;
  }
  t.ok(batches <= 9, `${batches} batches`);
});

t.test('clients take turns, however many requests each has', async t => {
  const scheduler = new BatchScheduler<Fake>({ maxTokens: 10, maxPadding: 0, smallBatch: 0 });
  for (let i = 0; i < 100; i++) scheduler.add(request(`many ${i}`, [10], 'many'));
  scheduler.add(request('one', [10], 'one'));
  const names = [scheduler.next(), scheduler.next(), scheduler.next()].flat().map(({ owner }) => owner.name);
  t.strictSame(names, ['many 0', 'one', 'many 1']);
});

t.test('requests of many inputs take turns', async t => {
  const scheduler = new BatchScheduler<Fake>(OPTIONS);
  scheduler.add(request('a', new Array<number>(100).fill(100)));
  scheduler.add(request('b', new Array<number>(100).fill(500)));
  const first = Array.from({ length: 6 }, () => scheduler.next()[0]!.owner.name);
  t.strictSame(first, ['a', 'b', 'a', 'b', 'a', 'b']);
});

t.test('a request can be taken back', async t => {
  const scheduler = new BatchScheduler<Fake>(OPTIONS);
  const taken = request('taken', [10, 20]);
  scheduler.add(taken);
  scheduler.add(request('left', [15]));
  scheduler.remove(taken[0]!.owner);
  t.strictSame(lengths(scheduler.next()), [15]);
  t.strictSame(scheduler.next(), []);
});

t.test(
  'whatever comes, every input runs once, in a batch that is allowed, and no request waits long',
  async () => {
    const step = fc.oneof(
      fc.record({
        type: fc.constant('add' as const),
        lengths: fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 12 }),
      }),
      fc.record({ type: fc.constant('next' as const) }),
      fc.record({ type: fc.constant('remove' as const), pick: fc.nat(20) }),
    );
    const limits = fc.record({
      maxTokens: fc.integer({ min: 50, max: 600 }),
      maxPadding: fc.double({ min: 0, max: 0.5, noNaN: true }),
      smallBatch: fc.integer({ min: 0, max: 200 }),
    });
    fc.assert(
      fc.property(limits, fc.array(step, { maxLength: 60 }), (options, steps) => {
        const scheduler = new BatchScheduler<Fake>(options);
        /** Requests with what is left of them, and how many batches went by without them. */
        const open = new Map<object, { left: Set<Fake>; passed: number }>();
        let most = 0;
        const run = (): boolean => {
          const batch = scheduler.next();
          if (batch.length === 0) return open.size === 0;
          const total = padded(batch);
          const allowed =
            batch.length === 1 ||
            (total <= options.maxTokens &&
              (1 - sum(batch) / total <= options.maxPadding || total <= options.smallBatch));
          let known = batch.every(({ kind }) => kind === batch[0]!.kind);
          most = Math.max(most, open.size);
          for (const entry of open.values()) entry.passed++;
          for (const input of batch) {
            const entry = open.get(input.owner);
            known &&= entry?.left.delete(input) ?? false;
            if (entry !== undefined) entry.passed = 0;
            if (entry?.left.size === 0) open.delete(input.owner);
          }
          return allowed && known && [...open.values()].every(({ passed }) => passed < most);
        };
        for (const step of steps) {
          if (step.type === 'add') {
            const inputs = request('any', step.lengths, '', step.lengths[0]! % 3 === 0 ? '8x8' : 'text');
            scheduler.add(inputs);
            open.set(inputs[0]!.owner, { left: new Set(inputs), passed: 0 });
          } else if (step.type === 'remove') {
            const owner = [...open.keys()][step.pick];
            if (owner === undefined) continue;
            scheduler.remove(owner);
            open.delete(owner);
          } else if (!run()) return false;
        }
        while (open.size > 0) if (!run()) return false;
        return scheduler.waiting === 0;
      }),
      runs(100),
    );
  },
);

t.test('kinds never share a batch, and take turns all the same', async t => {
  const scheduler = new BatchScheduler<Fake>(OPTIONS);
  scheduler.add(request('a', [50, 50], 'a', 'text'));
  scheduler.add(request('b', [50, 50], 'b', '8x8'));
  scheduler.add(request('c', [50], 'c', '8x8'));
  t.equal(scheduler.waiting, 5);
  const kinds = (batch: readonly Fake[]): string[] => batch.map(({ kind }) => kind);
  t.strictSame(kinds(scheduler.next()), ['text', 'text']);
  t.strictSame(kinds(scheduler.next()), ['8x8', '8x8', '8x8']);
  t.equal(scheduler.waiting, 0);

  const owner = { name: 'd' };
  scheduler.add(['text', '8x8'].map(kind => ({ owner, client: '', length: 9, kind })));
  scheduler.remove(owner);
  t.equal(scheduler.waiting, 0);
  t.strictSame(scheduler.next(), []);
});
