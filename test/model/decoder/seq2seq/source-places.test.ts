import fc from 'fast-check';
import t from 'tap';
import { SourcePlaces } from '#model/decoder/seq2seq/source-places.js';
import { runs } from '#test/support/property-runs.js';

const SLOTS = 4;
const slot = fc.nat(SLOTS - 1);
const operation = fc.oneof(
  fc.record({ kind: fc.constant('take' as const), slot, near: slot }),
  fc.record({ kind: fc.constant('share' as const), from: slot, to: slot }),
  fc.record({ kind: fc.constant('exchange' as const), a: slot, b: slot }),
  fc.record({ kind: fc.constant('move' as const), a: slot, b: slot }),
  fc.record({ kind: fc.constant('release' as const), slot }),
);

t.test('whatever is done with slots, each finds its own source', async () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 40 }), operations => {
      const places = new SourcePlaces(SLOTS);
      /** What is written in each place, and what each slot is to find. */
      const memory = Array.from({ length: SLOTS }, () => -1);
      const wanted = Array.from({ length: SLOTS }, (): number | undefined => undefined);
      operations.forEach((done, source) => {
        switch (done.kind) {
          case 'take': {
            const place = places.take(done.slot, other => Math.abs(other - done.near));
            memory[place] = source;
            wanted[done.slot] = source;
            break;
          }
          case 'share':
            places.share(done.from, done.to);
            wanted[done.to] = wanted[done.from];
            break;
          case 'exchange':
            places.exchange(done.a, done.b);
            [wanted[done.a], wanted[done.b]] = [wanted[done.b], wanted[done.a]];
            break;
          case 'move':
            places.exchangePlaces(done.a, done.b);
            [memory[done.a], memory[done.b]] = [memory[done.b]!, memory[done.a]!];
            break;
          case 'release':
            places.release(done.slot);
            wanted[done.slot] = undefined;
        }
        wanted.forEach((expected, of) => {
          const place = places.of(of);
          const found = place === undefined ? undefined : memory[place];
          if (found !== expected) throw new Error(`slot ${of} has ${found}, not ${expected}`);
        });
        const held = new Set(wanted.map((_, of) => places.of(of)));
        for (let place = 0; place < SLOTS; place++)
          if (places.isFree(place) === held.has(place)) throw new Error(`place ${place} is counted wrong`);
      });
    }),
    runs(300),
  );
});

t.test('the nearest free place is taken, or what a slot has for itself', t => {
  const places = new SourcePlaces(SLOTS);
  const near = (wanted: number) => (place: number) => Math.abs(place - wanted);
  t.equal(places.take(0, near(2)), 2);
  t.equal(places.take(0, near(0)), 2, 'its own');
  places.share(0, 1);
  t.equal(places.take(0, near(2)), 1, 'since another slot has that too');
  t.equal(places.of(1), 2);
  t.end();
});
