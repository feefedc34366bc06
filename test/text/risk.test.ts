import t from 'tap';
import { mayTakeForEver, mayExplode } from '#text/risk.js';

t.test('what may take more than quadratic time', async t => {
  for (const pattern of [
    '(a+)+',
    '^(a+)+$',
    '(?:a*)*b',
    '((ab)+c)*',
    '(a|b+){2,}',
    '(x{10})*',
    '(?:(?:a|aa)+)+$',
    '([a-z]+)*',
    '^(a|a)*$',
    '^(?:a|aa)+$',
    '(a?)+b',
    'a*a*b',
    'x|a+(?:b|a+)',
    'a*'.repeat(12),
    'a?'.repeat(40) + 'a'.repeat(40),
    '(?:a?a?a?){1,5}' + 'a?'.repeat(8),
  ])
    t.ok(mayTakeForEver(pattern), pattern);
});

t.test('patterns in use are harmless', async t => {
  const inUse = [
    // GPT-2, Llama 3, Qwen 2, o200k, and what BERT's and SentencePiece's tokenizers have.
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
    "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+",
    '(?=(\\d{3})+(?!\\d))',
    ' {2,}',
    '[(+*)]+',
    '\\(\\+\\)+',
    '(?: ?[a-z]){1,3}',
  ];
  for (const pattern of inUse) t.notOk(mayTakeForEver(pattern), pattern);
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
  const growing = (times: number, type: string, length: number): object =>
    Array.from({ length: times }, () => ({
      type,
      pattern: { String: 'a' },
      [type === 'Prepend' ? 'prepend' : 'content']: 'a'.repeat(length),
    }));
  t.ok(mayExplode({ normalizer: { normalizers: growing(3, 'Replace', 10) } }));
  t.ok(mayExplode({ normalizer: { normalizers: growing(7, 'Prepend', 1) } }));
  t.notOk(mayExplode({ normalizer: { normalizers: growing(100, 'Replace', 1) } }));
  t.notOk(mayExplode({ model: { vocab: { '(a+)+': 1 }, Regex: 5 }, normalizer: null }));
});
