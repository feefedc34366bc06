import fc from 'fast-check';
import t from 'tap';
import { halvesOf, joinPieces, sentencesOf } from '#api/translation/text-pieces.js';
import { runs } from '#test/support/property-runs.js';

const anyText = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc
    .array(
      fc.constantFrom(
        'Mr. ',
        'Hello there. ',
        'z. B. ',
        '\n',
        '\r\n\r\n',
        '  ',
        'è vero! ',
        '今日は。',
        '😀',
        ', ',
      ),
      { maxLength: 60 },
    )
    .map(parts => parts.join('')),
);

t.test('a text is its pieces and what is between them', async () => {
  fc.assert(
    fc.property(anyText, text => {
      const taken = sentencesOf(text, 'en');
      return (
        joinPieces(taken, taken.pieces) === text &&
        taken.between.length === taken.pieces.length + 1 &&
        taken.pieces.every(piece => piece === piece.trim() && /\p{L}/u.test(piece) && !/\n/.test(piece))
      );
    }),
    runs(500),
  );
});

t.test('a text ends its sentences, and keeps its lines and spaces', async t => {
  const { pieces, between } = sentencesOf('  Mr. Smith came.  He left! \n\n * * *\nIs it\r\nso? 12.', 'en');
  t.strictSame(pieces, ['Mr. Smith came.', 'He left!', 'Is it', 'so?']);
  t.strictSame(between, ['  ', '  ', ' \n\n * * *\n', '\r\n', ' 12.']);
  t.strictSame(sentencesOf('今日は天気がいい。散歩しよう。', 'ja').pieces, [
    '今日は天気がいい。',
    '散歩しよう。',
  ]);
  t.strictSame(sentencesOf('Das ist z. B. Berlin. Ende.', 'de').pieces, ['Das ist z. B. Berlin.', 'Ende.']);
  t.strictSame(sentencesOf('', 'en'), { pieces: [], between: [''] });
});

t.test('a long text takes a time that grows with its length', async t => {
  const text = 'The quick brown fox jumps over the lazy dog. It was late! '.repeat(500);
  const { pieces } = sentencesOf(text, 'en');
  t.equal(pieces.length, 1000);
  t.equal(new Set(pieces).size, 2, 'no sentence is cut where the text is looked at in parts');
  const endless = sentencesOf('no end '.repeat(3000), 'en');
  t.ok(
    endless.pieces.every(piece => /^no end( no end)*$|^end|no$/.test(piece)),
    'words are left whole',
  );
});

t.test('halves are the text again, and both smaller', async () => {
  fc.assert(
    fc.property(anyText, text => {
      const halves = halvesOf(text, 'en');
      if (halves === undefined) return [...new Intl.Segmenter('en').segment(text)].length <= 1;
      return (
        joinPieces(halves, halves.pieces) === text && halves.pieces.every(piece => piece.length < text.length)
      );
    }),
    runs(500),
  );
});

t.test('a piece is cut where it hurts least', async t => {
  t.strictSame(halvesOf('one two three, four five six', 'en')!.pieces, ['one two three,', 'four five six']);
  t.strictSame(halvesOf('a, one two three four five', 'en')!.pieces, ['a, one two', 'three four five']);
  t.strictSame(halvesOf('今日は天気がいい', 'ja')!.pieces.join(''), '今日は天気がいい');
  t.strictSame(halvesOf('😀a😀', 'en')!.pieces.join('').includes('a'), true);
  t.equal(halvesOf('x', 'en'), undefined);
  t.equal(halvesOf('', 'en'), undefined);
});
