import fc from 'fast-check';
import t from 'tap';
import { Places } from '#places.js';
import { runs } from './support/property-runs.js';

t.test('one client may take all there are, and no more', async t => {
  const places = new Places(5);
  t.ok(places.has('a', 5));
  t.notOk(places.has('a', 6));
  places.take('a', 5);
  t.notOk(places.has('a', 1));
  places.free('a', 2);
  t.ok(places.has('a', 2));
  t.equal(places.taken, 3);
});

t.test('whoever has none gets an equal share where another has taken all', async t => {
  const places = new Places(10);
  places.take('a', 10);
  t.ok(places.has('b', 5));
  t.notOk(places.has('b', 6));
  places.take('b', 5);
  t.ok(places.has('c', 3));
  t.notOk(places.has('c', 4));
  places.free('b', 5);
  t.ok(places.has('c', 5), 'b counts no more');
});

t.test('where there are none, nobody gets one', async t => {
  t.notOk(new Places(0).has('a', 1));
});

t.test('however many clients take what they may, there is a bound, and a newcomer finds a share', async t => {
  const action = fc.record({
    client: fc.nat(9),
    count: fc.integer({ min: 1, max: 30 }),
    frees: fc.boolean(),
  });
  const property = fc.property(fc.integer({ min: 10, max: 60 }), fc.array(action), (total, actions) => {
    const places = new Places(total);
    const held = new Map<string, number>();
    const seen = new Set<number>();
    let bound = 0;
    for (const { client, count, frees } of actions) {
      const name = String(client);
      const own = held.get(name) ?? 0;
      if (frees && own > 0) {
        places.free(name, own);
        held.delete(name);
      } else if (places.has(name, count)) {
        if (!seen.has(client)) bound += total / seen.add(client).size;
        places.take(name, count);
        held.set(name, own + count);
      }
      const sum = [...held.values()].reduce((all, one) => all + one, 0);
      if (places.taken !== sum || sum > bound) return false;
      if (!places.has('newcomer', Math.floor(total / (held.size + 1)))) return false;
    }
    return true;
  });
  t.doesNotThrow(() => fc.assert(property, runs(500)));
});
