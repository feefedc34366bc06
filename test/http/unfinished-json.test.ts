import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { endings } from '#http/unfinished-json.js';
import { runs } from '#test/support/property-runs.js';

t.test('an object that broke off anywhere is ended, and keeps what was whole', async () => {
  const values = fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1, noNullPrototype: true });
  fc.assert(
    fc.property(values, fc.boolean(), fc.nat(), (values, spaces, place) => {
      const text = JSON.stringify(values, undefined, spaces ? 1 : undefined);
      const written = JSON.parse(text) as Record<string, unknown>;
      const cut = text.slice(0, 1 + (place % (text.length - 1)));
      const [ended] = endings(cut).flatMap(ending => parsed(ending) ?? []);
      assert.ok(typeof ended === 'object' && !Array.isArray(ended), cut);
      // Only the last member may have changed.
      const whole = Object.entries(ended).slice(0, -1);
      for (const [key, value] of whole) assert.deepEqual(value, written[key], cut);
    }),
    runs(500),
  );
});

t.test('as much as possible is kept', async t => {
  const CASES: readonly (readonly [string, unknown])[] = [
    ['{"a": "hello wor', { a: 'hello wor' }],
    ['{"a": "b\\', { a: 'b' }],
    ['{"a": "b\\\\', { a: 'b\\' }],
    ['{"a": "\\u00e', { a: '' }],
    ['{"a": [1, {"b": tru', { a: [1, {}] }],
    ['{"a": 1, "b', { a: 1 }],
    ['{"a": 1, "b": ', { a: 1 }],
    ['{', {}],
  ];
  for (const [text, value] of CASES)
    t.strictSame(endings(text).flatMap(end => parsed(end) ?? [])[0], value, text);
  for (const text of ['', 'hello', '{"a": 1}', '{"a": ]']) t.strictSame(endings(text), [], text);
});

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
