import fc from 'fast-check';
import t from 'tap';
import { StopStrings } from '#text/stop-strings.js';
import { runs } from '#test/support/property-runs.js';

/** What all pieces together show, and whether it stopped. @param early pieces in which nothing stops */
function run(stops: string[], include: boolean, pieces: string[], early = 0) {
  const search = new StopStrings(stops, include);
  const shown: string[] = [];
  for (const [index, piece] of pieces.entries()) {
    const { text, stopped } = search.push(piece, index >= early);
    shown.push(text);
    if (stopped) return { shown, stopped };
  }
  shown.push(search.flush());
  return { shown, stopped: false };
}

t.test('a stop string ends the text, across pieces', async t => {
  t.strictSame(run(['END'], false, ['one E', 'N', 'D two']), { shown: ['one ', '', ''], stopped: true });
  t.strictSame(run(['END'], true, ['one E', 'N', 'D two']), { shown: ['one ', '', 'END'], stopped: true });
});

t.test('what may become a stop string is held back and given when it does not', async t => {
  t.strictSame(run(['END'], false, ['E', 'NE', 'NX', 'EN']).shown, ['', 'EN', 'ENX', '', 'EN']);
});

t.test('the end that comes first wins; of those that end together, the longest', async t => {
  t.strictSame(run(['abcd', 'bc'], true, ['abcd']).shown, ['abc']);
  t.strictSame(run(['abcd', 'bc'], false, ['abcd']).shown, ['a']);
  t.strictSame(run(['c', 'abc'], false, ['xabc']).shown, ['x']);
  t.strictSame(run(['c', 'abc'], false, ['xa', 'b', 'c']).shown, ['x', '', '']);
});

t.test('stop strings that are empty or half a character do not count', async t => {
  t.strictSame(run(['', '\udc1b', '\ud83d'], false, ['a🐛']), { shown: ['a🐛', ''], stopped: false });
});

t.test('a stop string that ends too early does not count, nor later', async t => {
  t.strictSame(run(['b'], false, ['ab', 'cb', 'd'], 1), { shown: ['ab', 'c'], stopped: true });
  t.strictSame(run(['bc'], false, ['ab', 'cd'], 1), { shown: ['a', ''], stopped: true }, 'begins before');
  t.strictSame(run(['ab', 'zabc'], false, ['zab', 'x'], 1), { shown: ['', 'zabx', ''], stopped: false });
});

t.test('no stop strings hold nothing back', async t => {
  const search = new StopStrings([], false);
  t.strictSame(search.push('abc'), { text: 'abc', stopped: false });
  t.equal(search.held, 0);
});

t.test('the pieces do not matter, and nothing is shown that a stop string takes back', async t => {
  const letters = (maxLength: number) => fc.string({ unit: fc.constantFrom('a', 'b', '🐛'), maxLength });
  const cuts = fc.array(letters(4), { maxLength: 12 });
  const property = fc.property(
    cuts,
    fc.array(letters(5), { maxLength: 3 }),
    fc.boolean(),
    fc.nat(12),
    (pieces, stops, include, early) => {
      const text = pieces.join('');
      const border = pieces.slice(0, early).join('').length;
      // Worked out the slow way: the first end behind the border at which some stop string is complete, and the longest of those.
      let expected = text;
      let stopped = false;
      for (let end = border + 1; end <= text.length && !stopped; end++) {
        const found = stops.filter(stop => stop !== '' && text.slice(0, end).endsWith(stop));
        if (found.length === 0) continue;
        stopped = true;
        expected = text.slice(0, include ? end : end - Math.max(...found.map(stop => stop.length)));
      }
      const result = run(stops, include, pieces, early);
      t.equal(result.shown.join(''), expected);
      t.equal(result.stopped, stopped);
    },
  );
  fc.assert(property, runs(300));
});
