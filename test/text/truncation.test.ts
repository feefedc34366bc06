import fc from 'fast-check';
import t from 'tap';
import { truncate, windows } from '#text/truncation.js';
import type { Encoding } from '#text/types.js';
import { wordPieceTokenizer } from '#test/support/tiny-tokenizers.js';
import { runs } from '#test/support/property-runs.js';

const tokenizer = wordPieceTokenizer();

function tokens({ ids }: Encoding): string {
  return ids.map(id => tokenizer.token(id)).join(' ');
}

t.test('what fits stays as it is', async t => {
  const encoding = tokenizer.encodeWithOffsets('a b', 'c');
  t.equal(truncate(encoding, 6), encoding);
  t.strictSame(windows(encoding, 6, 0), [encoding]);
});

t.test('a text is cut at its end, special tokens stay', async t => {
  const cut = truncate(tokenizer.encodeWithOffsets('a b c d'), 4);
  t.equal(tokens(cut), '[CLS] a b [SEP]');
  t.strictSame(cut.typeIds, [0, 0, 0, 0]);
  t.strictSame(cut.origins, [
    undefined,
    { text: 0, start: 0, end: 1 },
    { text: 0, start: 2, end: 3 },
    undefined,
  ]);
});

t.test('or at its beginning', async t => {
  t.equal(tokens(truncate(tokenizer.encodeWithOffsets('a b c d'), 4, 'left')), '[CLS] c d [SEP]');
  const pair = tokenizer.encodeWithOffsets('a b c d', 'x y');
  t.equal(tokens(truncate(pair, 8, 'left')), '[CLS] b c d [SEP] x y [SEP]');
  t.equal(tokens(truncate(pair, 5, 'left')), '[CLS] d [SEP] y [SEP]');
  t.equal(tokens(truncate(pair, 3, 'left')), '[CLS] [SEP] [SEP]');
});

t.test('of a pair the longer text gives way, then both', async t => {
  const pair = tokenizer.encodeWithOffsets('a b c d', 'x y');
  t.equal(tokens(truncate(pair, 8)), '[CLS] a b c [SEP] x y [SEP]');
  t.equal(tokens(truncate(pair, 7)), '[CLS] a b [SEP] x y [SEP]');
  t.equal(tokens(truncate(pair, 6)), '[CLS] a b [SEP] x [SEP]');
  t.equal(tokens(truncate(pair, 5)), '[CLS] a [SEP] x [SEP]');
  t.strictSame(truncate(pair, 5).typeIds, [0, 0, 0, 1, 1]);
  const mirrored = tokenizer.encodeWithOffsets('x y', 'a b c d');
  t.equal(tokens(truncate(mirrored, 8)), '[CLS] x y [SEP] a b c [SEP]');
});

t.test('windows share their overlap, and all hold the first text', async t => {
  const pair = tokenizer.encodeWithOffsets('q', 'a b c d e');
  t.strictSame(windows(pair, 7, 1).map(tokens), ['[CLS] q [SEP] a b c [SEP]', '[CLS] q [SEP] c d e [SEP]']);
  t.strictSame(windows(pair, 6, 1).map(tokens), [
    '[CLS] q [SEP] a b [SEP]',
    '[CLS] q [SEP] b c [SEP]',
    '[CLS] q [SEP] c d [SEP]',
    '[CLS] q [SEP] d e [SEP]',
  ]);
  t.strictSame(windows(tokenizer.encodeWithOffsets('a b c'), 4, 0).map(tokens), [
    '[CLS] a b [SEP]',
    '[CLS] c [SEP]',
  ]);
});

t.test('what cannot fit is refused', async t => {
  const code = 'context_length_exceeded';
  t.throws(() => truncate(tokenizer.encodeWithOffsets('a'), 1), { code });
  t.equal(tokens(truncate(tokenizer.encodeWithOffsets('a'), 2)), '[CLS] [SEP]');
  t.throws(() => windows(tokenizer.encodeWithOffsets('a b', 'c'), 5, 0), { code });
  t.throws(() => windows(tokenizer.encodeWithOffsets('a b'), 3, 1), { code });
});

t.test('windows of any size fit, cover the text in order and overlap as asked', async t => {
  const property = fc.property(
    fc.nat(30),
    fc.option(fc.nat(3), { nil: undefined }),
    fc.nat(12),
    fc.nat(4),
    (length, first, size, overlap) => {
      const context = 'a '.repeat(length);
      const encoding =
        first === undefined
          ? tokenizer.encodeWithOffsets(context)
          : tokenizer.encodeWithOffsets('q '.repeat(first), context);
      const fixed = first === undefined ? 2 : 3 + first;
      const last = first === undefined ? 0 : 1;
      if (encoding.ids.length > size && (size - fixed <= overlap || length === 0)) return;
      const starts = windows(encoding, size, overlap).map(window => {
        t.ok(window.ids.length <= size);
        t.equal(window.ids.length, window.typeIds.length);
        const own = window.origins.filter(origin => origin?.text === last).map(origin => origin!.start / 2);
        t.equal(window.ids.length - own.length, fixed);
        t.strictSame(
          own,
          own.map((_, i) => own[0]! + i),
          'without gaps',
        );
        return own;
      });
      t.strictSame(
        [...new Set(starts.flat())],
        Array.from({ length }, (_, i) => i),
        'all of the text',
      );
      starts.slice(1).forEach((own, i) => t.equal(starts[i]!.at(-1)! - own[0]! + 1, overlap));
    },
  );
  fc.assert(property, runs(200));
});
