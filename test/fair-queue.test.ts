import fc from 'fast-check';
import t from 'tap';
import { FairQueue } from '#fair-queue.js';
import { runs } from '#test/support/property-runs.js';

t.test('clients take turns; items of one keep their order', async t => {
  const queue = new FairQueue<string>();
  for (const item of ['a1', 'a2', 'a3', 'b1', 'c1', 'c2']) queue.push(item[0]!, item);
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
        queue.push(one.push, item);
      } else {
        const item = [...waiting][one.remove];
        if (item === undefined) continue;
        waiting.delete(item);
        queue.remove(item.client, item);
      }
      if (queue.size !== waiting.size) return false;
    }
    return true;
  });
  t.doesNotThrow(() => fc.assert(property, runs(300)));
});
