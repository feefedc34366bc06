import fc from 'fast-check';
import t from 'tap';
import { readModel } from '#text/sentencepiece/model-file.js';
import { SentencePieceProcessor } from '#text/sentencepiece/processor.js';
import { runs } from '#test/support/property-runs.js';
import { SENTENCEPIECE, sentencePieceModel } from '#test/support/sentencepiece-fixtures.js';

const { texts, models } = SENTENCEPIECE;

function load(name: string): SentencePieceProcessor {
  return new SentencePieceProcessor(readModel(sentencePieceModel(name)));
}

/** SentencePiece has a replacement character for each broken byte, and removes all spaces at the beginning. */
function tidy(text: string): string {
  return text.replace(/\ufffd+/g, '\ufffd').trimStart();
}

for (const [name, { ids, decoded }] of Object.entries(models))
  t.test(`${name}: the pieces and texts of sentencepiece`, async t => {
    const processor = load(name);
    const { pieces, unknownId } = processor.model;
    t.equal(processor.mayExplode, false);
    texts.forEach((text, i) => {
      const found = processor.encode(text);
      t.strictSame(
        found.map(({ id }) => id),
        ids[i],
        JSON.stringify(text),
      );
      const written = processor.startText();
      for (const id of ids[i]!)
        if (id === unknownId) written.spell(' ⁇ ');
        else written.add(pieces[id]!);
      t.equal(tidy(written.finish()), tidy(decoded[i]!), JSON.stringify(text));
    });
  });

t.test('ids by spelling: those of texts, of control pieces and of bytes', async t => {
  const processor = load('unigram-bytes');
  processor.model.pieces.forEach((piece, id) => t.equal(processor.id(piece), id));
  t.equal(processor.id('no such piece'), undefined);
  t.equal(processor.id(''), undefined);
});

t.test('spans: the part of the text that each piece stands for', async t => {
  const spans = (name: string, text: string): string[] =>
    load(name)
      .encode(text)
      .map(({ start, end }) => text.slice(start, end));
  t.strictSame(spans('word', '  the   ｔhe\u3000the '), ['the', '   ｔhe', '\u3000the']);
  t.strictSame(spans('char', 'aﷺb')[0], '', 'the space that was put there');
  t.ok(
    spans('char', 'aﷺb')
      .slice(2, -1)
      .every(part => part === 'ﷺ'),
  );
  t.strictSame(spans('bpe-bytes', '𝒳'), ['', '𝒳', '𝒳', '𝒳', '𝒳'], 'bytes share their character');
  t.strictSame(spans('word', 'ß😀𝒳 the').at(-1), ' the', 'behind characters of two units');
});

t.test('unknown characters are one piece, spelled out', async t => {
  const found = load('unigram').encode('𝒳ﾟ𝒴');
  t.strictSame(
    found.map(({ unknown }) => unknown),
    [undefined, '𝒳ﾟ𝒴'].map(unknown => unknown?.normalize('NFC')),
  );
});

const CHARACTERS = fc.oneof(
  fc.constantFrom(
    'a',
    'the',
    ' ',
    '  ',
    '\n',
    '▁',
    'é',
    'e\u0301',
    'ﷺ',
    'ｶﾞ',
    '😀',
    'foo_bar',
    '\u200b',
    '\ud83d',
    '\ufeff',
  ),
  fc.string({ unit: 'binary', maxLength: 3 }),
);
const TEXT = fc.array(CHARACTERS, { maxLength: 12 }).map(parts => parts.join(''));

for (const name of Object.keys(models))
  t.test(`${name}: spans cover the text in order, and cut no character`, async () => {
    const processor = load(name);
    fc.assert(
      fc.property(TEXT, text => {
        let last = 0;
        for (const { start, end, id } of processor.encode(text)) {
          if (start < last || end < start || end > text.length) return false;
          if (id < 0 || id >= processor.model.pieces.length) return false;
          if (isWithinCharacter(text, start) || isWithinCharacter(text, end)) return false;
          last = start;
        }
        return true;
      }),
      runs(150),
    );
  });

function isWithinCharacter(text: string, place: number): boolean {
  return /[\ud800-\udbff]/.test(text[place - 1] ?? '') && /[\udc00-\udfff]/.test(text[place] ?? '');
}

t.test('what has no unknown characters and no odd spaces comes back', async () => {
  const processor = load('bpe-bytes');
  fc.assert(
    fc.property(TEXT, text => {
      const written = processor.startText();
      for (const { id } of processor.encode(text)) written.add(processor.model.pieces[id]!);
      // Nobody can tell a space from its stand-in.
      return written.finish() === Buffer.from(text.replaceAll('▁', ' ')).toString();
    }),
    runs(300),
  );
});

t.test('long texts: the time grows with the length, not with its square', async t => {
  for (const name of ['unigram', 'bpe', 'bpe-bytes']) {
    const processor = load(name);
    const time = (length: number): number => {
      const text = 'the quick brown fox '.repeat(length / 20) + 'a'.repeat(length);
      const begin = performance.now();
      t.ok(processor.encode(text).length > 0);
      return performance.now() - begin;
    };
    time(2000);
    const [short, long] = [time(10_000), time(160_000)];
    // 16 times as long; the square would be 256 times.
    t.ok(long < 100 * Math.max(short, 5), `${name}: ${short} and ${long} ms`);
  }
});
