import fc from 'fast-check';
import t from 'tap';
import { TEXT_FUNCTIONS } from '#text/functions.js';
import { runs } from '#test/support/property-runs.js';
import { byteLevelTokenizer } from '#test/support/tiny-tokenizers.js';

const tokenizer = byteLevelTokenizer();
const { encodePrompt } = TEXT_FUNCTIONS;

t.test('a prompt is cut to the tokens at its beginning or its end', async t => {
  const text = fc.string({ unit: fc.constantFrom(...'the é日😀 '), maxLength: 30_000, size: 'max' });
  fc.assert(
    fc.property(
      text,
      fc.integer({ min: 1, max: 40 }),
      fc.constantFrom('left' as const, 'right' as const),
      fc.boolean(),
      (prompt, maxTokens, cut, addSpecialTokens) => {
        const whole = tokenizer.encode(prompt, { addSpecialTokens });
        const { ids, whole: isWhole } = encodePrompt(
          tokenizer,
          { text: prompt, addSpecialTokens },
          { maxTokens, cut },
        );
        t.strictSame(ids, cut === 'left' ? whole.slice(-maxTokens) : whole.slice(0, maxTokens));
        t.equal(isWhole, whole.length <= maxTokens);
      },
    ),
    runs(30),
  );
});

t.test('of a long text no more is read than is needed', async t => {
  let read = 0;
  const counting = {
    ...tokenizer,
    encode: (text: string): number[] => {
      read += text.length;
      return Array.from(text, () => 7);
    },
  };
  const limit = { maxTokens: 10, cut: 'left' } as const;
  t.strictSame(encodePrompt(counting, { text: 'a'.repeat(1_000_000) }, limit).ids, Array(10).fill(7));
  t.ok(read < 10_000);
});
