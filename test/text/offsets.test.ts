import fc from 'fast-check';
import t from 'tap';
import { createTokenizer, loadTokenizer } from '#text/tokenizer.js';
import type { Tokenizer } from '#text/types.js';
import { sharedModel, skipWithout } from '#test/support/shared-models.js';
import {
  BYTE_CHARACTERS,
  BYTE_FALLBACK,
  BYTE_LEVEL,
  byteFallbackTokenizer,
  byteLevelTokenizer,
  unigramTokenizer,
  WORD_PIECE,
  wordPieceTokenizer,
} from '#test/support/tiny-tokenizers.js';
import { runs } from '#test/support/property-runs.js';

/** Tokens with the piece of text that each stands for; `null` for those that the tokenizer added. */
function pieces(tokenizer: Tokenizer, text: string, pair?: string): [string, string | null][] {
  const { ids, origins } = tokenizer.encodeWithOffsets(text, pair);
  return ids.map((id, i) => {
    const origin = origins[i];
    const source = origin?.text === 1 ? pair! : text;
    return [tokenizer.token(id)!, origin === undefined ? null : source.slice(origin.start, origin.end)];
  });
}

t.test('WordPiece: case, accents, punctuation, unknown words, characters that fall apart', async t => {
  t.strictSame(pieces(wordPieceTokenizer(), 'The  Tokénizer,\t日本 ☃☃ x!'), [
    ['[CLS]', null],
    ['the', 'The'],
    ['token', 'Tokén'],
    ['##ize', 'ize'],
    ['##r', 'r'],
    [',', ','],
    ['日', '日'],
    ['本', '本'],
    ['[UNK]', '☃☃'],
    ['x', 'x'],
    ['!', '!'],
    ['[SEP]', null],
  ]);
  t.strictSame(pieces(wordPieceTokenizer(), 'e\u0301a\0b ⸘☃!').slice(1, -1), [
    ['e', 'e\u0301'],
    ['##a', 'a'],
    ['##b', 'b'],
    ['[UNK]', '⸘'],
    ['[UNK]', '☃'],
    ['!', '!'],
  ]);
  t.strictSame(pieces(wordPieceTokenizer(), 'Σς ##a [MASK]').slice(1, -1), [
    ['σ', 'Σ'],
    ['##ς', 'ς'],
    ['#', '#'],
    ['#', '#'],
    ['a', 'a'],
    ['[MASK]', '[MASK]'],
  ]);
});

t.test('byte-level: tokens within a character have its whole span, spaces are left out', async t => {
  t.strictSame(pieces(byteLevelTokenizer(), 'the 🐛 é<mask> <s>'), [
    ['<s>', null],
    ['the', 'the'],
    ['ĠðŁ', '🐛'],
    ['Ĳ', '🐛'],
    ['Ľ', '🐛'],
    ['Ġ', ' '],
    ['Ã©', 'é'],
    ['<mask>', '<mask>'],
    ['Ġ', ' '],
    ['<s>', '<s>'],
    ['</s>', null],
  ]);
});

t.test(
  'SentencePiece: the space before the text is in no span; bytes have the span of their character',
  async t => {
    t.strictSame(pieces(byteFallbackTokenizer(), 'the a  ½'), [
      ['<s>', null],
      ['▁the', 'the'],
      ['▁a', 'a'],
      ['▁▁', '  '],
      ['<0xC2>', '½'],
      ['<0xBD>', '½'],
    ]);
    t.strictSame(pieces(byteFallbackTokenizer(), ' <0xC2>▁').slice(1, 3), [
      ['▁▁', ' '],
      ['<0x3C>', '<'],
    ]);
  },
);

t.test('Unigram: one character that becomes several, unknown ones fused', async t => {
  t.strictSame(pieces(unigramTokenizer(), 'the ﬁne  ½ ☃☃b\n'), [
    ['▁the', 'the'],
    ['▁', ' '],
    ['fi', 'ﬁ'],
    ['ne', 'ne'],
    ['▁', ' '],
    ['1', '½'],
    ['<unk>', '½'],
    ['2', '½'],
    ['▁', ' '],
    ['<unk>', '☃☃'],
    ['b', 'b'],
    ['</s>', null],
  ]);
});

t.test('pairs: segments, and the text that a token comes from', async t => {
  const bert = wordPieceTokenizer().encodeWithOffsets('a', 'b c');
  t.strictSame(bert.typeIds, [0, 0, 0, 1, 1, 1]);
  t.strictSame(bert.origins, [
    undefined,
    { text: 0, start: 0, end: 1 },
    undefined,
    { text: 1, start: 0, end: 1 },
    { text: 1, start: 2, end: 3 },
    undefined,
  ]);
  const roberta = byteLevelTokenizer();
  t.strictSame(
    pieces(roberta, 'a', 'b').map(([token]) => token),
    ['<s>', 'a', '</s>', '</s>', 'b', '</s>'],
  );
  t.strictSame(roberta.encodeWithOffsets('a', 'b').typeIds, [0, 0, 0, 0, 0, 0], 'RoBERTa has one segment');
  t.strictSame(unigramTokenizer().encodeWithOffsets('a', 'b').typeIds, [0, 0, 0, 0, 0, 0]);
  t.strictSame(
    pieces(wordPieceTokenizer(), 'a', '').map(([token]) => token),
    ['[CLS]', 'a', '[SEP]', '[SEP]'],
    'an empty second text is one all the same',
  );
  const bare = createTokenizer({ ...BYTE_LEVEL, post_processor: null }).encodeWithOffsets('a', 'b');
  t.strictSame(bare.typeIds, [0, 1]);
  const byteLevel = createTokenizer({ ...BYTE_LEVEL, post_processor: { type: 'ByteLevel' } });
  t.strictSame(byteLevel.encodeWithOffsets('a', 'b').typeIds, [0, 1]);
});

t.test('normalizers that strip, collapse and replace', async t => {
  const normalizers = [
    { type: 'Strip', strip_left: true, strip_right: true },
    { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' },
    { type: 'Replace', pattern: { String: '™' }, content: '' },
    { type: 'NFD' },
    { type: 'StripAccents' },
    { type: 'Lowercase' },
    { type: 'NFC' },
    { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
  ];
  const tokenizer = createTokenizer({ ...BYTE_FALLBACK, normalizer: { type: 'Sequence', normalizers } });
  t.strictSame(pieces(tokenizer, '  THÉ™   a\u0301b '), [
    ['<s>', null],
    ['the', 'THÉ'],
    ['▁a', 'a\u0301'],
    ['b', 'b'],
  ]);
});

t.test('settings of tokenizer_config.json that change the text', async t => {
  const tokenizer = createTokenizer(BYTE_FALLBACK, {
    remove_space: true,
    do_lowercase_and_remove_accent: true,
  });
  t.strictSame(pieces(tokenizer, ' THE \n A').slice(1), [
    ['▁the', 'THE'],
    ['▁a', 'A'],
  ]);
});

t.test('a vocabulary that knows no unknown token passes over what it cannot spell', async t => {
  const model = { ...(BYTE_FALLBACK.model as object), unk_token: null, byte_fallback: false };
  t.strictSame(pieces(createTokenizer({ ...BYTE_FALLBACK, model }), 'a☃b').slice(1), [
    ['▁a', 'a'],
    ['b', 'b'],
  ]);
});

t.test('unknown characters one by one, where they are not fused', async t => {
  const model = { ...(BYTE_FALLBACK.model as object), fuse_unk: false, byte_fallback: false };
  t.strictSame(pieces(createTokenizer({ ...BYTE_FALLBACK, model }), '☃😀b').slice(1), [
    ['▁', ''],
    ['<unk>', '☃'],
    ['<unk>', '😀'],
    ['b', 'b'],
  ]);
});

t.test('words longer than the model takes are unknown as a whole', async t => {
  t.strictSame(pieces(wordPieceTokenizer(), `a ${'b'.repeat(21)} c`).slice(1, -1), [
    ['a', 'a'],
    ['[UNK]', 'b'.repeat(21)],
    ['c', 'c'],
  ]);
});

/** Texts of all that is awkward. */
const awkward = fc
  .array(
    fc.oneof(
      {
        weight: 3,
        arbitrary: fc.constantFrom(
          'the',
          ' the',
          'tokenizer',
          'a',
          'B',
          ' ',
          '  ',
          '\n',
          '\t',
          ',',
          "'s",
          '12',
        ),
      },
      {
        weight: 3,
        arbitrary: fc.constantFrom(
          'é',
          'e\u0301',
          '\u0301',
          'ﬁ',
          '½',
          'İ',
          'ß',
          'Σ',
          'ς',
          '日本',
          '한글',
          '\u1112\u1161\u11ab',
          'ｶﾞ',
          'ﷺ',
          '～',
          '🐛',
          '👩‍👩‍👧',
          '🇩🇪',
          '☃',
          '⸘',
          '\0',
          '\u200b',
          '\ufeff',
          '\u00a0',
          '\u3000',
          '\ufffd',
          'क्षि',
          'ä̈̈',
          '\u00b4',
        ),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          '▁',
          '##a',
          '<0x41>',
          '[MASK]',
          '<mask>',
          '<s>',
          '</s>',
          '<unk>',
          '[UNK]',
          '<plain>',
        ),
      },
      { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 4 }) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 4 }) },
    ),
    { maxLength: 24 },
  )
  .map(parts => parts.join(''));

/** How a kind of tokenizer spells text, worked out on its own. */
interface Spelling {
  /** What a text is before it is cut, white space aside; given the text of whole words. */
  readonly normalized: (text: string) => string;
  /** Bytes of a token. */
  readonly bytes: (token: string) => Buffer;
  /** Whether every character that is no white space is in some span. */
  readonly complete: boolean;
}

const utf8 = (text: string) => Buffer.from(text, 'utf8');
const bert: Spelling = {
  normalized: text =>
    Array.from(text)
      .filter(character => !/[\0\ufffd\p{C}]/u.test(character) || /[\t\n\r]/.test(character))
      .join('')
      .toLowerCase()
      .normalize('NFD')
      .replace(/\p{Mn}/gu, ''),
  bytes: token => utf8(token.replace(/^##(?=.)/u, '')),
  complete: false,
};
const roberta: Spelling = {
  normalized: text => text,
  bytes: token => Buffer.from(Array.from(token, character => BYTE_CHARACTERS.indexOf(character))),
  complete: true,
};
const llama: Spelling = {
  normalized: text => text.replaceAll('▁', ' '),
  bytes: token =>
    /^<0x..>$/.test(token)
      ? Buffer.from([parseInt(token.slice(3, 5), 16)])
      : utf8(token.replaceAll('▁', ' ')),
  complete: true,
};
const t5: Spelling = {
  normalized: text =>
    text
      .replace(/[\u0001-\u0008\u000b\u000e-\u001f\u007f\u008f\u009f]/g, '') // eslint-disable-line no-control-regex
      .replace(/[\u200b-\u200f\u2581\ufffd]/g, ' ')
      .split('～')
      .map(part => part.normalize('NFKC'))
      .join('～')
      .replaceAll('▁', ' '),
  bytes: token => utf8(token.replaceAll('▁', ' ')),
  complete: false,
};

/** Without white space and without the difference between sigmas, which depends on what follows. */
function comparable(text: string): string {
  return text.replace(/\s/gu, '').replaceAll('ς', 'σ');
}

function isWhole(text: string, at: number): boolean {
  return !(/[\udc00-\udfff]/.test(text[at] ?? '') && /[\ud800-\udbff]/.test(text[at - 1] ?? ''));
}

/** Throws where the origins of a text's tokens are not what the contract says. */
function checkOrigins(
  tokenizer: Tokenizer,
  spelling: Spelling,
  unknown: string | undefined,
  text: string,
): void {
  const { ids, typeIds, origins } = tokenizer.encodeWithOffsets(text);
  const fail = (fault: string): never => {
    throw new Error(`${fault}: ${JSON.stringify(text)} ${JSON.stringify(pieces(tokenizer, text))}`);
  };
  if (ids.join() !== tokenizer.encode(text).join()) fail('other ids than encode');
  if (typeIds.length !== ids.length || origins.length !== ids.length) fail('lengths differ');

  let last = { start: 0, end: 0 };
  let group: { start: number; end: number; tokens: string[] } | undefined;
  const groups = [];
  const covered = new Uint8Array(text.length);
  for (const [i, origin] of origins.entries()) {
    if (origin === undefined) continue;
    const { start, end } = origin;
    if (origin.text !== 0 || start > end || end > text.length) fail('outside of the text');
    if (start < last.start || end < last.end) fail('goes back');
    if (!isWhole(text, start) || !isWhole(text, end)) fail('cuts a character');
    const part = text.slice(start, end);
    if (part.trim() !== '' && part.trim() !== part) fail('begins or ends with white space');
    last = origin;
    covered.fill(1, start, end);
    if (group === undefined || start >= group.end) groups.push((group = { start, end, tokens: [] }));
    group.end = Math.max(group.end, end);
    group.tokens.push(tokenizer.token(ids[i]!)!);
  }
  for (const { start, end, tokens } of groups) {
    const part = text.slice(start, end);
    if (
      tokens.some(
        token => token === unknown || tokenizer.specialIds.has(tokenizer.id(token)!) || token === part,
      )
    )
      continue;
    const spelled = Buffer.concat(tokens.map(spelling.bytes)).toString('utf8');
    if (comparable(spelled) !== comparable(utf8(spelling.normalized(part)).toString('utf8')))
      fail(`'${part}' is not '${spelled}'`);
  }
  if (
    spelling.complete &&
    Array.from(text)
      .join('')
      .split('')
      .some((unit, at) => unit.trim() !== '' && unit !== '▁' && covered[at] === 0)
  )
    fail('passes over a character');
}

function property(
  tokenizer: Tokenizer,
  spelling: Spelling,
  unknown: string | undefined,
  examples: number,
): void {
  fc.assert(
    fc.property(awkward, text => checkOrigins(tokenizer, spelling, unknown, text)),
    runs(examples),
  );
}

t.test('spans are monotone, within the text, and hold what their tokens spell', async t => {
  t.doesNotThrow(() => property(wordPieceTokenizer(), bert, '[UNK]', 500), 'WordPiece');
  t.doesNotThrow(() => property(byteLevelTokenizer(), roberta, undefined, 500), 'byte-level BPE');
  t.doesNotThrow(() => property(byteFallbackTokenizer(), llama, '<unk>', 500), 'BPE with byte fallback');
  t.doesNotThrow(() => property(unigramTokenizer(), t5, '<unk>', 500), 'Unigram');
  const cased = { ...(WORD_PIECE.normalizer as object), lowercase: false, strip_accents: false };
  const spelling = { ...bert, normalized: (text: string) => text };
  const alike = createTokenizer({ ...WORD_PIECE, normalizer: cased });
  t.doesNotThrow(
    () =>
      property(
        alike,
        { ...spelling, normalized: text => text.replace(/[\0\ufffd\p{C}]/gu, '') },
        '[UNK]',
        200,
      ),
    'cased',
  );
});

for (const [name, spelling, unknown] of [
  ['bert-minilm', bert, '[UNK]'],
  ['roberta-base', roberta, undefined],
  ['llama2', llama, '<unk>'],
  ['t5-small', t5, '<unk>'],
] as const) {
  t.test(`the same for the real ${name}`, { skip: skipWithout(`tokenizers/${name}`) }, async t => {
    const tokenizer = await loadTokenizer(sharedModel(`tokenizers/${name}`));
    t.doesNotThrow(() => property(tokenizer, spelling, unknown, 300));
  });
}
