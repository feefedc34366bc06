import fc from 'fast-check';
import t from 'tap';
import { WaitingLine, type Queued } from '#engine/waiting-line.js';
import { runs } from '#test/support/property-runs.js';

interface Fake extends Queued {
  readonly number: number;
}

const action = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('add' as const),
      priority: fc.integer({ min: -1, max: 1 }),
      client: fc.constantFrom('a', 'b', 'c'),
      request: fc.nat(2),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('shift' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('back' as const), pick: fc.nat(10) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('remove' as const), pick: fc.nat(40) }) },
);

t.test(
  'the requests of one client come by priority, returned ones first, then in order of arrival',
  async t => {
    const property = fc.property(fc.array(action, { maxLength: 80 }), actions => {
      const line = new WaitingLine<Fake>();
      let expected: Fake[] = [];
      const out: Fake[] = [];
      let number = 0;
      for (const one of actions) {
        if (one.type === 'add') {
          const { priority } = one;
          const added = { priority, party: ['client', number], number: number++ };
          const index = expected.findIndex(other => other.priority > priority);
          expected.splice(index < 0 ? expected.length : index, 0, added);
          line.add(added);
        } else if (one.type === 'shift') {
          const next = line.shift();
          if (next !== expected.shift()) return false;
          if (next !== undefined) out.push(next);
        } else if (one.type === 'back') {
          const [returned] = out.splice(one.pick, 1);
          if (returned === undefined) continue;
          const index = expected.findIndex(other => other.priority >= returned.priority);
          expected.splice(index < 0 ? expected.length : index, 0, returned);
          line.putBack(returned);
        } else {
          const leaving = expected[one.pick];
          if (leaving === undefined) continue;
          expected = expected.filter(other => other !== leaving);
          if (!line.remove(leaving) || line.remove(leaving)) return false;
        }
        const told = [...line];
        if (line.first !== expected[0] || line.size !== expected.length) return false;
        if (told.length !== expected.length || told.some((item, i) => item !== expected[i])) return false;
      }
      return true;
    });
    t.doesNotThrow(() => fc.assert(property, runs(500)));
  },
);

t.test('nobody waits for more than one turn of each other client of a priority', async t => {
  let most = 0;
  const property = fc.property(fc.array(action, { maxLength: 120 }), actions => {
    const line = new WaitingLine<Fake>();
    /** How often each client came since another one's first began to wait. */
    const passed = new Map<Fake, string[]>();
    let number = 0;
    for (const one of actions) {
      if (one.type === 'add') {
        const { client, request } = one;
        line.add({ priority: 0, party: [client, `${client}${request}`], number: number++ });
      }
      if (one.type !== 'shift') continue;
      const waiting = [...line];
      const next = line.shift();
      if (next === undefined) continue;
      const [client, request] = next.party as [string, string];
      const siblings = waiting.filter(({ party }) => party[1] === request);
      if (siblings.some(other => other.number < next.number)) return false;
      passed.delete(next);
      for (const other of new Set(waiting.map(({ party }) => party[0]))) {
        if (other === client) continue;
        const first = waiting.find(({ party }) => party[0] === other)!;
        const seen = passed.get(first) ?? [];
        if (seen.includes(client)) return false;
        passed.set(first, [...seen, client]);
        most = Math.max(most, seen.length + 1);
      }
    }
    return true;
  });
  t.doesNotThrow(() => fc.assert(property, runs(500)));
  t.equal(most, 2, 'some waited for all others');
});
