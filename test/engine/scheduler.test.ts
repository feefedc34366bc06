import t from 'tap';
import fc from 'fast-check';
import { Scheduler, type Schedulable } from '../../src/engine/scheduler.js';

class Fake implements Schedulable {
  cached = 0;
  constructor(
    readonly name: number,
    readonly promptLength: number,
  ) {}
}

/** Does to the fakes what the engine does to sequences in one step. */
function run(scheduler: Scheduler<Fake>): ReturnType<Scheduler<Fake>['schedule']> {
  const step = scheduler.schedule();
  if (step.prefill) step.prefill.sequence.cached += step.prefill.length;
  for (const sequence of step.decode) sequence.cached++;
  return step;
}

const options = { slots: 2, prefillChunk: 4, idlePrefillChunk: 8 };

t.test('admits in order of arrival while slots last', async t => {
  const scheduler = new Scheduler<Fake>(options);
  const sequences = [new Fake(0, 3), new Fake(1, 3), new Fake(2, 3)];
  sequences.forEach(sequence => scheduler.add(sequence));
  scheduler.schedule();
  t.strictSame(scheduler.running, sequences.slice(0, 2));
  t.strictSame(scheduler.waiting, sequences.slice(2));
});

t.test('prefills the oldest prompt in chunks, longer ones while nothing decodes', async t => {
  const scheduler = new Scheduler<Fake>(options);
  const [first, second] = [new Fake(0, 10), new Fake(1, 6)];
  scheduler.add(first);
  scheduler.add(second);
  t.match(run(scheduler).prefill, { sequence: first, slot: 0, start: 0, length: 8 });
  t.match(run(scheduler).prefill, { sequence: first, slot: 0, start: 8, length: 2 });
  const step = run(scheduler);
  t.match(
    step.prefill,
    { sequence: second, slot: 1, start: 0, length: 4 },
    'now a decoding sequence must not wait long',
  );
  t.strictSame(step.decode, [first]);
});

t.test('has nothing to do when nobody is there', async t => {
  t.strictSame(new Scheduler<Fake>(options).schedule(), { prefill: undefined, decode: [] });
});

t.test('fills a hole with the last decoding sequence and moves the half-prefilled one after it', async t => {
  const scheduler = new Scheduler<Fake>({ slots: 4, prefillChunk: 2, idlePrefillChunk: 2 });
  const [a, b, c, d] = [new Fake(0, 2), new Fake(1, 2), new Fake(2, 9), new Fake(3, 5)];
  for (const sequence of [a, b, c, d]) scheduler.add(sequence);
  run(scheduler);
  run(scheduler);
  run(scheduler);
  t.equal(c.cached, 2);
  const moves = scheduler.remove(new Set([a]));
  t.strictSame(moves, [
    { from: 1, to: 0, length: b.cached },
    { from: 2, to: 1, length: 2 },
  ]);
  t.strictSame(scheduler.running, [b, c, d]);
});

t.test('whatever happens, slots stay contiguous and the cache keeps what each sequence needs', async () => {
  const action = fc.oneof(
    fc.record({ type: fc.constant('add' as const), prompt: fc.integer({ min: 1, max: 20 }) }),
    fc.record({ type: fc.constant('step' as const) }),
    fc.record({
      type: fc.constant('remove' as const),
      picks: fc.array(fc.nat(30), { minLength: 1, maxLength: 4 }),
    }),
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 7 }),
      fc.array(action, { maxLength: 60 }),
      (slots, prefillChunk, actions) => {
        const scheduler = new Scheduler<Fake>({ slots, prefillChunk, idlePrefillChunk: prefillChunk + 3 });
        /** What the cache holds: cells[slot][position] is the sequence whose token stands there. */
        const cells: (number | undefined)[][] = Array.from({ length: slots }, () => []);
        let names = 0;
        for (const event of actions) {
          if (event.type === 'add') scheduler.add(new Fake(names++, event.prompt));
          if (event.type === 'step') {
            const { prefill, decode } = run(scheduler);
            if (prefill) {
              const { slot, start, length, sequence } = prefill;
              if (scheduler.running[slot] !== sequence) throw new Error('prefills another slot than its own');
              for (let i = start; i < start + length; i++) cells[slot]![i] = sequence.name;
              if (length < 1 || start + length > sequence.promptLength)
                throw new Error('chunk out of the prompt');
            }
            decode.forEach((sequence, slot) => {
              if (scheduler.running[slot] !== sequence) throw new Error('decodes another slot than its own');
              cells[slot]![sequence.cached - 1] = sequence.name;
            });
          }
          if (event.type === 'remove') {
            const all = [...scheduler.running, ...scheduler.waiting];
            if (all.length === 0) continue;
            const leaving = new Set(event.picks.map(pick => all[pick % all.length]!));
            for (const { from, to, length } of scheduler.remove(leaving)) {
              for (let i = 0; i < length; i++) cells[to]![i] = cells[from]![i];
            }
            if ([...scheduler.running, ...scheduler.waiting].some(sequence => leaving.has(sequence))) {
              throw new Error('a removed sequence is still there');
            }
          }
          if (scheduler.running.length > slots) throw new Error('more sequences than slots');
          scheduler.running.forEach((sequence, slot) => {
            for (let i = 0; i < sequence.cached; i++) {
              if (cells[slot]![i] !== sequence.name) throw new Error('a sequence lost its cache');
            }
          });
        }
      },
    ),
    { numRuns: 500 },
  );
});
