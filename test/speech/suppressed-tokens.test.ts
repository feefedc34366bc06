import t from 'tap';
import { findSpecialTokens } from '#speech/special-tokens.js';
import { nonSpeechTokens, suppressedTokens } from '#speech/suppressed-tokens.js';
import { whisperTokenizer } from '#test/support/whisper-tokenizer.js';

const tokenizer = whisperTokenizer();
const special = findSpecialTokens(tokenizer);

t.test('what is written but not spoken', async t => {
  const spelled = [...nonSpeechTokens(tokenizer)].map(id => tokenizer.token(id));
  for (const token of ['#', '(', '[', '"', 'Ġ(', 'Ġ-', "Ġ'", 'âĻ', 'ĠâĻ'])
    t.ok(spelled.includes(token), token);
  for (const token of ['-', "'", '.', ',', '?', 'a', '1']) t.notOk(spelled.includes(token), token);
  // A symbol of several tokens is not suppressed by its first one, but for notes.
  t.notOk(spelled.includes('Ġ'));
  t.notOk(spelled.includes('ã'));
});

t.test('tokens of prompts always, and what the folder lists', async t => {
  const prompts = [
    special.start,
    special.startOfPrevious,
    special.startOfLanguageModel!,
    special.noSpeech!,
    special.tasks!.transcribe,
    special.tasks!.translate,
  ].sort((a, b) => a - b);
  t.strictSame(suppressedTokens(tokenizer, special, []), prompts);
  t.strictSame(suppressedTokens(tokenizer, special, [7, 3, tokenizer.vocabularySize]), [3, 7, ...prompts]);
  const all = suppressedTokens(tokenizer, special, undefined);
  t.strictSame(new Set(all), new Set([...nonSpeechTokens(tokenizer), ...prompts]));
  t.strictSame(new Set(suppressedTokens(tokenizer, special, [-1, 65])), new Set([...all, 65]));
});
