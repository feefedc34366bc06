import t from 'tap';
import { splitWords } from '#speech/words/split-words.js';
import { TokenText } from '#speech/token-text.js';
import { findSpecialTokens } from '#speech/special-tokens.js';
import { whisperTokenizer } from '#test/support/whisper-tokenizer.js';
import { WORDS_FIXTURE } from './words-fixture.js';

/** Text of tokens that are these bytes. */
class Pieces extends TokenText {
  readonly #pieces: readonly (readonly number[])[];

  constructor(pieces: readonly (readonly number[])[]) {
    super(whisperTokenizer(), id => id < pieces.length);
    this.#pieces = pieces;
  }

  override bytes(id: number): Uint8Array {
    return Uint8Array.from(this.#pieces[id]!);
  }
}

t.test('words are told apart as faster-whisper does', async t => {
  for (const { language, pieces, words } of WORDS_FIXTURE.splits) {
    const split = splitWords([...pieces.keys()], new Pieces(pieces), language);
    t.strictSame(
      split.map(({ word, tokens }) => [word, tokens]),
      words,
    );
  }
});

t.test('a text without tokens has no words', async t => {
  const tokenizer = whisperTokenizer();
  const { end } = findSpecialTokens(tokenizer);
  const text = new TokenText(tokenizer, id => id < end);
  t.strictSame(splitWords([], text, 'en'), []);
  t.strictSame(
    splitWords(tokenizer.encode(' Hi you.'), text, 'en').map(({ word }) => word),
    [' Hi', ' you', '.'],
  );
});
