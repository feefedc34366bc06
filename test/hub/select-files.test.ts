import t from 'tap';
import { selectDescription } from '#hub/select-files.js';

t.test('a tokenizer without tokenizer.json: its models and lists', async t => {
  const marian = ['config.json', 'source.spm', 'target.spm', 'vocab.json', 'tokenizer_config.json'];
  const others = ['sentencepiece.bpe.model', 'spiece.model', 'tokenizer.model', 'added_tokens.json'];
  t.strictSame(selectDescription([...marian, 'pytorch_model.bin', 'model/source.spm']), marian);
  for (const name of others) t.strictSame(selectDescription([name, 'README.md']), [name]);
});

t.test('where there is a tokenizer.json, nothing else is asked for', async t => {
  const names = ['tokenizer.json', 'vocab.json', 'merges.txt', 'spiece.model', 'source.spm'];
  t.strictSame(selectDescription(names), ['tokenizer.json']);
});
