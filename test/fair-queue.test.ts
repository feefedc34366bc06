import fc from 'fast-check';
import t from 'tap';
import { FairQueue } from '#fair-queue.js';
import { runs } from './support/property-runs.js';

t.test('clients take turns; items of one keep their order', async t => {
  const queue = new FairQueue<string>();
  for (const item of ['a1', 'a2', 'a3', 'b1', 'c1', 'c2']) queue.push([item[0]], item);
  t.equal(queue.size, 6);
  const order = Array.from({ length: 7 }, () => queue.shift());
  t.strictSame(order, ['a1', 'b1', 'c1', 'a2', 'c2', 'a3', undefined]);
});

t.test('nothing is lost, and nobody waits for more than one item of each other client', async t => {
  const action = fc.oneof(
    fc.record({ push: fc.constantFrom('a', 'b', 'c', 'd') }),
    fc.record({ remove: fc.nat(40) }),
    fc.constant('shift' as const),
  );
  const property = fc.property(fc.array(action, { maxLength: 80 }), actions => {
    const queue = new FairQueue<{ client: string; passed: string[] }>();
    const waiting = new Set<{ client: string; passed: string[] }>();
    for (const one of actions) {
      if (one === 'shift') {
        const item = queue.shift();
        if ((item === undefined) !== (waiting.size === 0)) return false;
        if (item === undefined) continue;
        waiting.delete(item);
        const first = [...waiting].filter(({ client }) => client === item.client);
        if (first.some(other => other.passed.length > item.passed.length)) return false;
        // Of each other client, the one that waits at its head is passed at most once by this client.
        const heads = new Map<string, { passed: string[] }>();
        for (const other of waiting) if (!heads.has(other.client)) heads.set(other.client, other);
        for (const [client, head] of heads) {
          if (client === item.client) continue;
          if (head.passed.includes(item.client)) return false;
          head.passed.push(item.client);
        }
      } else if ('push' in one) {
        const item = { client: one.push, passed: [] };
        waiting.add(item);
        queue.push([one.push], item);
      } else {
        const item = [...waiting][one.remove];
        if (item === undefined) continue;
        waiting.delete(item);
        queue.remove(item);
      }
      if (queue.size !== waiting.size) return false;
    }
    return true;
  });
  t.doesNotThrow(() => fc.assert(property, runs(300)));
});

t.test('whoever takes several turns at once sits them out while others wait', async t => {
  const queue = new FairQueue<string>();
  for (const item of ['a1', 'a2', 'a3']) queue.push([item[0]], item, 3);
  for (const item of ['b1', 'b2', 'b3', 'b4', 'b5']) queue.push([item[0]], item);
  const order = Array.from({ length: 8 }, () => queue.shift());
  t.strictSame(order, ['a1', 'b1', 'b2', 'b3', 'a2', 'b4', 'b5', 'a3']);
  for (const item of ['a1', 'a2']) queue.push([item[0]], item, 2);
  t.equal(queue.shift(), 'a1');
  queue.push(['b'], 'b1');
  t.equal(queue.shift(), 'b1', 'who comes later, too');
  t.equal(queue.shift(), 'a2', 'nobody waits for nobody');
});

t.test(
  'with any numbers of turns, all come out, and none of one client before another of its own',
  async t => {
    const items = fc.array(
      fc.record({ client: fc.constantFrom('a', 'b', 'c'), turns: fc.integer({ min: 1, max: 5 }) }),
    );
    const property = fc.property(items, fc.array(fc.nat(30)), (pushed, removed) => {
      const queue = new FairQueue<{ client: string; turns: number }>();
      for (const item of pushed) queue.push([item.client], item, item.turns);
      const gone = new Set(removed.map(index => pushed[index]).filter(item => item !== undefined));
      for (const item of gone) queue.remove(item);
      const left = pushed.filter(item => !gone.has(item));
      const out = left.map(() => queue.shift()!);
      const ofClient = (list: readonly { client: string }[], client: string) =>
        list.filter(item => item.client === client);
      return (
        queue.shift() === undefined &&
        ['a', 'b', 'c'].every(client =>
          ofClient(out, client).every((item, i) => item === ofClient(left, client)[i]),
        )
      );
    });
    t.doesNotThrow(() => fc.assert(property, runs(200)));
  },
);

t.test("a client's requests take turns within its own turns", async t => {
  const queue = new FairQueue<string>();
  for (const item of ['a1x', 'a1y', 'a1z', 'a2x', 'b1x', 'b1y', 'a3x'])
    queue.push([item[0], item.slice(0, 2)], item);
  const order = ['a1x', 'b1x', 'a2x', 'b1y', 'a3x', 'a1y', 'a1z'];
  t.strictSame([...queue], order);
  t.strictSame(
    Array.from({ length: 7 }, () => queue.shift()),
    order,
  );
});

t.test('what waits is told in the order in which it will be taken out', async t => {
  const party = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(2));
  const action = fc.oneof(
    { weight: 4, arbitrary: fc.record({ push: party }) },
    { weight: 1, arbitrary: fc.record({ remove: fc.nat(40) }) },
    { weight: 2, arbitrary: fc.constant('shift' as const) },
  );
  const property = fc.property(fc.array(action, { maxLength: 80 }), actions => {
    const queue = new FairQueue<object>();
    for (const one of actions) {
      const told = [...queue];
      if (queue.first !== told[0] || queue.size !== told.length) return false;
      if (one === 'shift') {
        if (queue.shift() !== told[0]) return false;
        if ([...queue].some((item, i) => item !== told[i + 1])) return false;
      } else if ('push' in one) queue.push(one.push, {});
      else {
        const item = told[one.remove];
        if (item === undefined) continue;
        if (!queue.remove(item) || queue.remove(item)) return false;
        if ([...queue].includes(item)) return false;
      }
    }
    return true;
  });
  t.doesNotThrow(() => fc.assert(property, runs(300)));
});
