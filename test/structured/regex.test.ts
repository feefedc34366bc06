import t from 'tap';
import { seededRandom } from '#test/support/seeded-random.js';
import { compileStructure } from '#structured/index.js';
import { refusedPart, tokenizerOfPieces } from '#test/support/token-walk.js';

function isWritable(pattern: string, text: string): boolean {
  const random = seededRandom(1);
  const tokenizer = tokenizerOfPieces(text, random);
  return (
    refusedPart(compileStructure({ kind: 'regex', pattern }, tokenizer)(), tokenizer, text, random) ===
    undefined
  );
}

/** Letters and digits that mean something after a backslash, with what they need behind them, and a text. */
const ESCAPES: Readonly<Record<string, readonly [rest: string, text: string]>> = {
  c: ['J', '\n'],
  d: ['', '7'],
  D: ['', 'x'],
  f: ['', '\f'],
  n: ['', '\n'],
  p: ['{Lu}', 'Ä'],
  P: ['{Lu}', 'ä'],
  r: ['', '\r'],
  s: ['', ' '],
  S: ['', 'x'],
  t: ['', '\t'],
  u: ['0061', 'a'],
  v: ['', '\v'],
  w: ['', '_'],
  W: ['', '-'],
  x: ['61', 'a'],
  '0': ['', '\0'],
};

t.test(
  'letters and digits after a backslash mean what ECMAScript has them mean, or are refused by name',
  async t => {
    for (const letter of 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789é') {
      const [rest, text] = ESCAPES[letter] ?? [];
      for (const [open, close] of [
        ['', ''],
        ['[', ']'],
      ]) {
        const pattern = `${open}\\${letter}${rest ?? ''}${close}`;
        if (text !== undefined) t.ok(isWritable(pattern, text), pattern);
        else if (letter === 'b' && open === '[') t.ok(isWritable(pattern, '\b'), 'a backspace');
        else if (/[1-9k]/.test(letter) && open === '')
          t.throws(() => isWritable(pattern, 'a'), { message: /back references/ }, pattern);
        else t.throws(() => isWritable(pattern, letter), { message: `\\${letter} in` }, pattern);
      }
    }
    for (const pattern of [
      '\\x',
      '\\xg',
      '\\x1',
      '\\u',
      '\\u12',
      '\\c',
      '\\c1',
      '\\p',
      '\\00',
      '\\01',
      '[\\07]',
    ])
      t.throws(() => isWritable(pattern, 'a'), { message: /is not supported/ }, pattern);
  },
);

t.test('punctuation may have a backslash anywhere', async t => {
  for (const mark of '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~ ') {
    t.ok(isWritable(`\\${mark}`, mark), mark);
    t.ok(isWritable(`[\\${mark}]`, mark), mark);
  }
});

t.test('sets of other dialects are refused by name, and brackets that are none are taken', async t => {
  const foreign = [
    '[[:alpha:]]',
    '[^[:digit:]x]',
    '[a[:^space:]]',
    '[[.a.]]',
    '[[=e=]]',
    '[a-z&&[^b]]',
    '[\\w--[a]]',
  ];
  for (const pattern of foreign)
    t.throws(() => isWritable(pattern, 'a'), { message: /within brackets .* is not supported/ }, pattern);
  for (const [pattern, text] of [
    ['[[:]', '['],
    ['[[:a]', ':'],
    ['[[]', '['],
    ['[&&a]', '&'],
    ['[\\[:alpha:]', 'h'],
  ] as const)
    t.ok(isWritable(pattern, text), pattern);
});
