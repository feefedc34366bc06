import t from 'tap';
import { findPreTokenizer, preTokenizerNames } from '#gguf/tokenizer/pre-tokenizers.js';
import { mayTakeForEver } from '#text/risk.js';

t.test('hardly any pre-tokenizer is taken for one that may never end', async t => {
  const risky = preTokenizerNames().filter(name => findPreTokenizer(name)!.splits.some(mayTakeForEver));
  t.strictSame(risky, ['exaone-moe', 'kimi-k2']);
  t.equal(findPreTokenizer('another'), undefined);
});
