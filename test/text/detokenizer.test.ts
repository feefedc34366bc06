import fc from 'fast-check';
import t from 'tap';
import { Detokenizer } from '#text/detokenizer.js';
import { loadTokenizer } from '#text/tokenizer.js';
import type { Tokenizer } from '#text/types.js';
import { sentencePieceFolder } from '#test/support/sentencepiece-fixtures.js';
import { sharedModel, skipWithout } from '#test/support/shared-models.js';
import {
  byteFallbackTokenizer,
  byteLevelTokenizer,
  unigramTokenizer,
  wordPieceTokenizer,
} from '#test/support/tiny-tokenizers.js';
import { runs } from '#test/support/property-runs.js';

function bytesOf(tokenizer: Tokenizer, text: string): number[] {
  return Array.from(Buffer.from(text, 'utf8'), byte =>
    tokenizer.id(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)!,
  );
}

function stream(tokenizer: Tokenizer, prompt: readonly number[], output: readonly number[]): string[] {
  const detokenizer = new Detokenizer(tokenizer, prompt);
  return [...output.map(id => detokenizer.push(id)), detokenizer.flush()];
}

t.test('a character comes when its last byte does', async t => {
  const tokenizer = byteFallbackTokenizer();
  t.strictSame(stream(tokenizer, [], bytesOf(tokenizer, 'é🐛')), ['', 'é', '', '', '', '🐛', '']);
});

t.test('a character that never ends becomes a replacement character, at the latest in the end', async t => {
  const tokenizer = byteFallbackTokenizer();
  const [first, second] = bytesOf(tokenizer, '🐛');
  const a = tokenizer.id('a')!;
  t.strictSame(stream(tokenizer, [], [first!, second!]), ['', '', '\ufffd']);
  t.strictSame(stream(tokenizer, [], [first!, second!, a]), ['', '', '\ufffda', '']);
});

t.test('the space of a first word counts only where something stands before it', async t => {
  const tokenizer = byteFallbackTokenizer();
  const the = tokenizer.id('▁the')!;
  t.strictSame(stream(tokenizer, [], [the, the]), ['the', ' the', '']);
  t.strictSame(stream(tokenizer, [the], [the]), [' the', '']);
});

t.test('special tokens and unknown ids have no text', async t => {
  const tokenizer = byteFallbackTokenizer();
  const the = tokenizer.id('▁the')!;
  t.strictSame(stream(tokenizer, [1, 99999], [the, 2, -1, 99999, the]), ['the', '', '', '', ' the', '']);
});

t.test('special tokens that are spelled have their text, and change no other', async t => {
  const tokenizer = byteFallbackTokenizer();
  const the = tokenizer.id('▁the')!;
  const [first] = bytesOf(tokenizer, '🐛');
  const detokenizer = new Detokenizer(tokenizer, [1], { spelledIds: new Set([2]) });
  const pieces = [the, 2, 1, the, first!, 2].map(id => detokenizer.push(id));
  t.strictSame(pieces, ['the', tokenizer.token(2), '', ' the', '', `\ufffd${tokenizer.token(2)}`]);
});

t.test('output that completes a character of the prompt gives that character', async t => {
  const tokenizer = byteFallbackTokenizer();
  const [first, ...rest] = bytesOf(tokenizer, '🐛');
  t.strictSame(stream(tokenizer, [tokenizer.id('a')!, first!], rest), ['', '', '🐛', '']);
});

/** Sequences of ids with many characters in pieces. */
function ids(tokenizer: Tokenizer): fc.Arbitrary<number[]> {
  const text = fc.string({
    unit: fc.constantFrom('a', ' ', 'the', 'é', '日', '🐛', '👩‍👩‍👧', '\ufffd', '\ufeff', '!'),
    maxLength: 6,
  });
  const random = fc.array(fc.integer({ min: -1, max: tokenizer.vocabularySize }), { maxLength: 8 });
  const encoded = text.map(text => tokenizer.encode(text, { addSpecialTokens: false }));
  const cut = fc.tuple(encoded, fc.nat(20)).map(([ids, end]) => ids.slice(0, end));
  return fc.array(fc.oneof(random, encoded, cut), { maxLength: 8 }).map(parts => parts.flat());
}

/** Throws where pieces do not add up to the decoded whole, or show what later changes. */
function checkStream(tokenizer: Tokenizer, prompt: number[], output: number[]): void {
  const before = tokenizer.decode(prompt);
  const all = tokenizer.decode([...prompt, ...output]);
  // Output may complete the prompt's last character, which then is the output's.
  const kept = all.startsWith(before) ? before : before.slice(0, -1);
  const pieces = stream(tokenizer, prompt, output);
  const text = pieces.join('');
  const fail = (fault: string): never => {
    throw new Error(`${fault}: ${JSON.stringify({ prompt, output, pieces, before, all })}`);
  };
  if (kept !== before && !before.endsWith('\ufffd')) fail('the prompt changed');
  if (kept + text !== all) fail('the pieces are not the whole');
  for (const piece of pieces) if (/\p{Surrogate}/u.test(piece)) fail('half a character');
}

const tiny: [string, Tokenizer][] = [
  ['byte-level BPE', byteLevelTokenizer()],
  ['byte fallback', byteFallbackTokenizer()],
  ['WordPiece', wordPieceTokenizer()],
  ['Unigram', unigramTokenizer()],
];
for (const [name, tokenizer] of tiny) {
  t.test(`${name}: pieces are whole characters and add up to the decoded whole`, async t => {
    const property = fc.property(ids(tokenizer), ids(tokenizer), (prompt, output) =>
      checkStream(tokenizer, prompt, output),
    );
    t.doesNotThrow(() => fc.assert(property, runs(500)));
  });
}

for (const name of ['marian', 'm2m100', 't5', 'mt5', 'llama']) {
  t.test(`the same for SentencePiece models: ${name}`, async t => {
    const tokenizer = await loadTokenizer(t.testdir(sentencePieceFolder(name)));
    const property = fc.property(ids(tokenizer), ids(tokenizer), (prompt, output) =>
      checkStream(tokenizer, prompt, output),
    );
    t.doesNotThrow(() => fc.assert(property, runs(300)));
  });
}

for (const name of ['roberta-base', 'llama2', 't5-small', 'bert-minilm']) {
  t.test(`the same for the real ${name}`, { skip: skipWithout(`tokenizers/${name}`) }, async t => {
    const tokenizer = await loadTokenizer(sharedModel(`tokenizers/${name}`));
    const property = fc.property(ids(tokenizer), ids(tokenizer), (prompt, output) =>
      checkStream(tokenizer, prompt, output),
    );
    t.doesNotThrow(() => fc.assert(property, runs(200)));
  });
}

t.test('the work for a token does not grow with the output', async t => {
  const tokenizer = byteFallbackTokenizer();
  let longest = 0;
  const counting: Tokenizer = {
    ...tokenizer,
    specialIds: tokenizer.specialIds,
    token: id => tokenizer.token(id),
    decode: ids => {
      longest = Math.max(longest, ids.length);
      return tokenizer.decode(ids);
    },
  };
  const the = tokenizer.id('▁the')!;
  stream(counting, Array<number>(1000).fill(the), Array<number>(1000).fill(the));
  t.ok(longest <= 32, `${longest} tokens decoded at a time`);
});
