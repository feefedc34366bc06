import fc from 'fast-check';
import t from 'tap';
import { answerPieces } from '#http/json-answer.js';
import { jsonPieces } from '#http/json-pieces.js';
import { runs } from '#test/support/property-runs.js';

/** Lists of any length, in lists and objects. */
const value = fc.letrec<{ value: unknown }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.jsonValue({ maxDepth: 1 }),
    fc
      .tuple(fc.nat(300), fc.jsonValue({ maxDepth: 1 }))
      .map(([length, item]) => Array.from({ length }, () => item)),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.string(), fc.option(tie('value'), { nil: undefined }), { maxKeys: 3 }),
  ),
})).value;

t.test('pieces are together what JSON.stringify writes', async t => {
  fc.assert(
    fc.property(value, data => [...jsonPieces(data)].join('') === JSON.stringify(data)),
    runs(200),
  );
  fc.assert(
    fc.property(fc.array(fc.record({ value }), { maxLength: 3 }), value, (items, tail) => {
      const pieces = answerPieces({ id: 1 }, 'items', items, { tail: tail ?? null, end: 0 });
      return [...pieces].join('') === JSON.stringify({ id: 1, items, tail: tail ?? null, end: 0 });
    }),
    runs(100),
  );
  t.pass();
});

t.test('a long list is written in pieces', async t => {
  const pieces = [...jsonPieces({ a: { b: Array(1000).fill({ c: 1 }) } })];
  t.ok(pieces.length > 7);
  t.ok(pieces.every(({ length }) => length < 2000));
  t.equal([...jsonPieces({ a: { b: Array(100).fill(1) } })].length, 1, 'a short one at once');
});
