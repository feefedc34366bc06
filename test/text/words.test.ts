import t from 'tap';
import type { Tokenizer } from '#text/types.js';
import { wordsOf } from '#text/words.js';
import { byteLevelTokenizer, unigramTokenizer, wordPieceTokenizer } from '#test/support/tiny-tokenizers.js';

/** The tokens of each word. */
function words(tokenizer: Tokenizer, text: string): (string | undefined)[][] {
  const encoding = tokenizer.encodeWithOffsets(text);
  return wordsOf(tokenizer, text, encoding).map(word =>
    word.map(position => tokenizer.token(encoding.ids[position]!)),
  );
}

t.test('WordPiece marks what continues a word; punctuation is a word', async t => {
  t.strictSame(words(wordPieceTokenizer(), 'Tokenizer the-the'), [
    ['token', '##ize', '##r'],
    ['the'],
    ['-'],
    ['the'],
  ]);
});

t.test('elsewhere white space tells', async t => {
  t.strictSame(words(unigramTokenizer(), 'the fine the'), [['▁the'], ['fi', 'ne'], ['▁the']]);
  t.strictSame(words(byteLevelTokenizer(), 'the ab, the'), [['the'], ['a', 'b', ','], ['Ġthe']]);
});

t.test('parts of one character are of one word', async t => {
  t.equal(words(byteLevelTokenizer(), 'a 日').length, 2);
});

t.test('the second text of a pair', async t => {
  const tokenizer = wordPieceTokenizer();
  const pair = tokenizer.encodeWithOffsets('a', 'tokenize the');
  t.strictSame(wordsOf(tokenizer, 'tokenize the', pair, 1), [[3, 4], [5]]);
  t.strictSame(wordsOf(tokenizer, 'a', pair), [[1]]);
});

t.test('a text without tokens has no words', async t => {
  t.strictSame(words(wordPieceTokenizer(), ' '), []);
  t.strictSame(words(wordPieceTokenizer(), ''), []);
});
