import t from 'tap';
import { findSpecialTokens } from '#speech/special-tokens.js';
import { whisperTokenizer } from '#test/support/whisper-tokenizer.js';

t.test('tokens are found by their names', async t => {
  const tokenizer = whisperTokenizer();
  const special = findSpecialTokens(tokenizer);
  t.equal(special.start, tokenizer.id('<|startoftranscript|>'));
  t.equal(special.timestampBegin, tokenizer.id('<|0.00|>'));
  t.strictSame([...special.languages.keys()], ['en', 'de', 'ja']);
  t.strictSame(special.tasks, {
    transcribe: tokenizer.id('<|transcribe|>'),
    translate: tokenizer.id('<|translate|>'),
  });
});

t.test('a model that knows English alone is not told language and task', async t => {
  const special = findSpecialTokens(whisperTokenizer(), false);
  t.equal(special.tasks, undefined);
  t.equal(special.languages.size, 0);
  const names = ['endoftext', 'startoftranscript', 'startofprev', 'nocaptions', 'notimestamps'];
  const tokenizer = whisperTokenizer(names);
  t.match(findSpecialTokens(tokenizer), { tasks: undefined, noSpeech: tokenizer.id('<|nocaptions|>') });
  t.throws(() => findSpecialTokens(tokenizer, true), { code: 'invalid_model' });
});

t.test('a vocabulary of another kind is refused by what it lacks', async t => {
  t.throws(() => findSpecialTokens(whisperTokenizer(['endoftext', 'notimestamps'])), {
    code: 'invalid_model',
    message: /<\|startoftranscript\|>/,
  });
});
