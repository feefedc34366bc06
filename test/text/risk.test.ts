import t from 'tap';
import { hasNestedRepetition, mayExplode } from '#text/risk.js';

t.test('a repetition within a repetition', async t => {
  for (const pattern of [
    '(a+)+',
    '^(a+)+$',
    '(?:a*)*b',
    '((ab)+c)*',
    '(a|b+){2,}',
    '(x{10})*',
    '(?:(?:a|aa)+)+$',
    '([a-z]+)*',
  ])
    t.ok(hasNestedRepetition(pattern), pattern);
});

t.test('patterns in use are harmless', async t => {
  const inUse = [
    // GPT-2, Llama 3, Qwen 2, o200k, and what BERT's and SentencePiece's tokenizers have.
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    ' {2,}',
    '[(+*)]+',
    '\\(\\+\\)+',
    '(?: ?[a-z]){1,3}',
  ];
  for (const pattern of inUse) t.notOk(hasNestedRepetition(pattern), pattern);
});

t.test('anywhere in a definition, but not in the vocabulary', async t => {
  const split = (Regex: string): object => ({ type: 'Split', pattern: { Regex }, behavior: 'Isolated' });
  t.ok(mayExplode({ pre_tokenizer: { type: 'Sequence', pretokenizers: [split(' +'), split('(a+)+')] } }));
  t.ok(mayExplode({ normalizer: { type: 'Replace', pattern: { String: 'a' }, content: 'a'.repeat(1000) } }));
  t.ok(
    mayExplode({
      decoder: {
        type: 'Sequence',
        decoders: [{ type: 'Replace', pattern: { Regex: '(a*)*' }, content: '' }],
      },
    }),
  );
  t.notOk(mayExplode({ model: { vocab: { '(a+)+': 1 }, Regex: 5 }, normalizer: null }));
});
