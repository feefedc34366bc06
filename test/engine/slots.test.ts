import fc from 'fast-check';
import t from 'tap';
import { commonPrefix, REUSE_BLOCK, type ReuseKeys } from '#engine/prefix-index.js';
import { SlotTable, type CachedSequence } from '#engine/slots.js';
import { runs } from '#test/support/property-runs.js';

class Fake implements CachedSequence {
  computed = 0;
  keys: number[];

  constructor(
    keys: readonly number[],
    readonly scope = '',
  ) {
    this.keys = [...keys];
  }

  /** What the keys and values of a position depend on. */
  content(position: number): string {
    return `${this.scope} ${this.keys.slice(0, position + 1).join()}`;
  }
}

function prompt(length: number, seed = 1): number[] {
  return Array.from({ length }, (_, i) => seed * 1000 + i);
}

/** A table with sequences in its first slots, all of whose keys are computed. */
function tableOf(slots: number, ...sequences: readonly Fake[]): SlotTable<Fake> {
  const table = new SlotTable<Fake>(slots);
  sequences.forEach((sequence, slot) => {
    sequence.computed = sequence.keys.length;
    table.occupy(slot, sequence);
  });
  return table;
}

t.test('of slots with the same beginning, an idle one is continued', async t => {
  for (const idle of [0, 1]) {
    const table = tableOf(3, new Fake(prompt(40)), new Fake(prompt(40)));
    table.vacate(idle);
    t.strictSame(table.longestPrefix(new Fake(prompt(50))), { slot: idle, length: 40 });
  }
  const longer = tableOf(3, new Fake(prompt(41)), new Fake(prompt(40)));
  longer.vacate(1);
  t.strictSame(longer.longestPrefix(new Fake(prompt(50))), { slot: 0, length: 41 }, 'a longer one is better');
});

t.test('beginnings shorter than a block are not looked for', async t => {
  const table = tableOf(1, new Fake(prompt(40)));
  const found = (length: number): number | undefined =>
    table.longestPrefix(new Fake([...prompt(length), 7]))?.length;
  t.strictSame([REUSE_BLOCK - 1, REUSE_BLOCK, 40].map(found), [undefined, REUSE_BLOCK, 40]);
  t.equal(table.longestPrefix(new Fake(prompt(40)), REUSE_BLOCK - 1), undefined);
});

t.test('a sequence is found by what it generated, however short it was when it began', async t => {
  const sequence = new Fake(prompt(3));
  const table = tableOf(1, sequence);
  sequence.keys.push(...prompt(50).slice(3));
  sequence.computed = 45;
  t.strictSame(table.longestPrefix(new Fake(prompt(50))), { slot: 0, length: 45 });
});

const PICTURE = [-7.25e12, -7.25e12, -7.25e12];

t.test('pictures of equal ids are told apart by their keys', async t => {
  const text = prompt(20);
  const table = tableOf(1, new Fake([...text, ...PICTURE, ...prompt(20, 2)]));
  const other = PICTURE.map(key => key - 1);
  t.equal(table.longestPrefix(new Fake([...text, ...PICTURE, 5]))?.length, 23);
  t.equal(table.longestPrefix(new Fake([...text, ...other, 5]))?.length, 20);
});

for (const [what, one, other] of [
  ['adapters', 'adapter a', 'adapter b'],
  ['salts', '', 'salt'],
] as const)
  t.test(`sequences of two ${what} share nothing`, async t => {
    const table = tableOf(2, new Fake(prompt(40), one));
    const sequence = new Fake(prompt(40), other);
    t.equal(table.longestPrefix(sequence), undefined);
    t.equal(commonPrefix(new Fake(prompt(40), one), sequence), 0);
    table.vacate(0);
    t.equal(table.longestPrefix(sequence), undefined);
    t.equal(table.longestPrefix(new Fake(prompt(40), one))?.length, 40);
  });

const action = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('begin' as const),
      scope: fc.constantFrom('', 'a', 'b'),
      /** Keys of a common text, then perhaps a picture, then keys of its own. */
      shared: fc.integer({ min: 10, max: 60 }),
      picture: fc.constantFrom([], PICTURE, [-3, -3, -3]),
      own: fc.array(fc.nat(1), { maxLength: 25 }),
      most: fc.option(fc.nat(80), { nil: Infinity, freq: 4 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('grow' as const),
      slot: fc.nat(9),
      count: fc.integer({ min: 1, max: 90 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constantFrom('vacate' as const, 'forget' as const),
      slot: fc.nat(9),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constantFrom('exchange' as const, 'overwrite' as const),
      a: fc.nat(9),
      b: fc.nat(9),
    }),
  },
);

t.test('the longest beginning that a cache still has of a sequence is found, and no other', async t => {
  let found = 0;
  let windowed = 0;
  let overwritten = 0;
  fc.assert(
    fc.property(
      fc.record({
        slots: fc.integer({ min: 1, max: 6 }),
        window: fc.option(fc.integer({ min: 1, max: 30 }), { nil: Infinity }),
        trimStep: fc.integer({ min: 1, max: 10 }),
        keepsAhead: fc.boolean(),
      }),
      fc.array(action, { minLength: 10, maxLength: 60 }),
      ({ slots, window, ...options }, actions) => {
        const table = new SlotTable<Fake>(slots, { window, ...options });
        /** What stands in the cache by slot, in layers that see all positions and in those with a window. */
        const cache = Array.from({ length: slots }, (): [content: string, isInWindow: boolean][] => []);

        const copied = (slot: number, length: number): [string, boolean][] =>
          cache[slot]!.slice(0, length).map(([content, isInWindow]) => [content, isInWindow]);
        const arrange = (): void => {
          for (const operation of table.takeOperations())
            switch (operation.kind) {
              case 'copy':
                cache[operation.to] = [
                  ...copied(operation.to, operation.begin ?? 0),
                  ...copied(operation.from, operation.length).slice(operation.begin ?? 0),
                ];
                break;
              case 'swap': {
                const { a, b, length } = operation;
                [cache[a], cache[b]] = [copied(b, length), copied(a, length)];
                break;
              }
              case 'release':
                cache[operation.slot] = copied(operation.slot, operation.from);
                break;
              case 'trim':
                for (const cell of cache[operation.slot]!.slice(0, operation.before)) cell[1] = false;
            }
          for (let slot = 0; slot < slots; slot++) cache[slot] = copied(slot, table.filled(slot));
        };
        const write = (slot: number, sequence: Fake, count: number): void => {
          const end = Math.min(sequence.computed + count, sequence.keys.length);
          for (; sequence.computed < end; sequence.computed++)
            cache[slot]![sequence.computed] = [sequence.content(sequence.computed), true];
        };
        const isIdle = (slot: number): boolean => table.sequence(slot) === undefined;

        const check = (sequence: Fake, most: number): ReturnType<SlotTable<Fake>['longestPrefix']> => {
          const match = table.longestPrefix(sequence, most);
          const lengths = cache.map(held => {
            let length = 0;
            while (length < Math.min(held.length, most) && held[length]![0] === sequence.content(length))
              length++;
            const seesAll = held
              .slice(Math.max(0, length - window), length)
              .every(([, isInWindow]) => isInWindow);
            return seesAll && length >= REUSE_BLOCK ? length : 0;
          });
          const longest = Math.max(...lengths);
          if ((match?.length ?? 0) !== longest) throw new Error(`${match?.length}, not ${longest}`);
          if (match === undefined) return match;
          found++;
          windowed += Number(!cache[match.slot]![0]![1]);
          if (lengths[match.slot] !== longest) throw new Error(`slot ${match.slot} does not have it`);
          if (!isIdle(match.slot) && lengths.some((length, slot) => length === longest && isIdle(slot)))
            throw new Error('an idle one would be as good');
          return match;
        };

        /** As a hypothesis of a beam search gets the slot of another one. */
        const overwrite = (from: number, to: number): void => {
          const [parent, other] = [table.sequence(from), table.sequence(to)];
          if (parent === undefined || other === undefined || other.computed > parent.computed) return;
          const begin = commonPrefix(parent, other, other.computed);
          if (from === to || begin === 0) return;
          overwritten++;
          Object.assign(other, { keys: [...parent.keys.slice(0, parent.computed), 1] });
          table.overwrite(from, to, begin);
          other.computed = parent.computed;
        };

        for (const event of actions) {
          if (event.type === 'begin') {
            const { scope, shared, picture, own, most } = event;
            const sequence = new Fake([...prompt(shared), ...picture, ...own, 9], scope);
            const match = check(sequence, Math.min(most, sequence.keys.length - 1));
            const target = table.leastRecentlyUsed(slot => slot !== match?.slot);
            if (target === undefined) continue;
            table.forget(target, sequence.keys.length);
            if (match !== undefined) table.copyPrefix(match, target);
            sequence.computed = match?.length ?? 0;
            table.occupy(target, sequence);
            arrange();
          }
          if (event.type === 'grow') {
            const sequence = table.sequence(event.slot % slots);
            if (sequence === undefined) continue;
            write(event.slot % slots, sequence, event.count);
            if (sequence.computed === sequence.keys.length) sequence.keys.push(event.count % 2);
            table.trim();
          }
          if (event.type === 'vacate') table.vacate(event.slot % slots);
          if (event.type === 'forget' && isIdle(event.slot % slots)) table.forget(event.slot % slots);
          if (event.type === 'exchange') table.exchange(event.a % slots, event.b % slots);
          if (event.type === 'overwrite') overwrite(event.a % slots, event.b % slots);
          arrange();
        }
      },
    ),
    runs(4000),
  );
  t.ok(found > 1000, `${found} beginnings were found`);
  t.ok(overwritten > 50, `${overwritten} slots were overwritten`);
  t.ok(windowed > 50, `${windowed} of them in slots of which a part was given up`);
});

t.test('thousands of slots that begin alike cost an admission next to nothing', async t => {
  const slots = 4096;
  let reads = 0;
  const counted = (keys: readonly number[]): readonly number[] =>
    new Proxy(keys, {
      get: (target, name) => {
        if (typeof name === 'string' && /^\d+$/.test(name)) reads++;
        return Reflect.get(target, name) as unknown;
      },
    });
  const table = new SlotTable<CachedSequence>(slots);
  for (let slot = 0; slot < slots; slot++) {
    const keys = counted([...prompt(1000), ...prompt(20, slot + 2)]);
    table.occupy(slot, { scope: '', keys, computed: 1020 });
    if (slot % 2 === 0) table.vacate(slot);
  }
  reads = 0;
  const match = (sequence: ReuseKeys): unknown => table.longestPrefix(sequence);
  t.match(match({ scope: '', keys: [...prompt(1000), 5, 6] }), { length: 1000 });
  t.ok(reads < 2 * slots, `${reads} keys were read`);
  reads = 0;
  t.equal(match({ scope: '', keys: prompt(1000, 2) }), undefined);
  t.equal(match({ scope: 'other', keys: prompt(1000) }), undefined);
  t.equal(reads, 0);
});
