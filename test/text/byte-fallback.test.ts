import t from 'tap';
import { createTokenizer } from '#text/tokenizer.js';

const BYTES = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
);

function definition(bytes: readonly string[], byte_fallback: boolean): object {
  const vocab = [['<unk>', 0], ['a', -1], ...bytes.map(byte => [byte, -9])];
  return {
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: 'Sequence', decoders: [{ type: 'ByteFallback' }, { type: 'Fuse' }] },
    model: { type: 'Unigram', unk_id: 0, vocab, byte_fallback },
  };
}

t.test('a Unigram model spells unknown characters as bytes where it says so', async t => {
  const tokenizer = createTokenizer(definition(BYTES, true));
  // As tokenizers 0.22.2 has it.
  t.strictSame(tokenizer.encode('a\né'), [1, 12, 197, 171]);
  const text = 'a☃😀a';
  t.equal(tokenizer.decode(tokenizer.encode(text)), text);
  const { ids, origins } = tokenizer.encodeWithOffsets(text);
  t.strictSame(ids, tokenizer.encode(text));
  t.strictSame(
    origins.map(origin => text.slice(origin!.start, origin!.end)),
    ['a', ...Array<string>(3).fill('☃'), ...Array<string>(4).fill('😀'), 'a'],
  );
});

t.test('not where it does not, nor where a byte is missing', async t => {
  t.strictSame(createTokenizer(definition(BYTES, false)).encode('aé'), [1, 0]);
  t.strictSame(createTokenizer(definition(BYTES.slice(0, 128), true)).encode('aéa\n'), [1, 0, 1, 12]);
});
