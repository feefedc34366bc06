import t from 'tap';
import { createTokenizer } from '#text/tokenizer.js';
import { SENTENCEPIECE } from '#test/support/sentencepiece-fixtures.js';

const {
  texts,
  precompiled: { charsmap, normalized },
} = SENTENCEPIECE;

/** Each character that the texts have, before or behind the map, is a token. */
const characters = [...new Set([...texts, ...normalized].flatMap(text => Array.from(text)))];

function definition(precompiled: unknown): object {
  return {
    added_tokens: [],
    normalizer: {
      type: 'Sequence',
      normalizers: [{ type: 'Precompiled', precompiled_charsmap: precompiled }],
    },
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    model: { type: 'BPE', vocab: Object.fromEntries(characters.map((c, id) => [c, id])), merges: [] },
  };
}

t.test("a tokenizer.json's map of characters is obeyed, as tokenizers does", async t => {
  const tokenizer = createTokenizer(definition(charsmap));
  texts.forEach((text, i) => {
    const ids = tokenizer.encode(text);
    t.equal(ids.map(id => tokenizer.token(id)).join(''), normalized[i]);
    t.strictSame(tokenizer.encodeWithOffsets(text).ids, ids, JSON.stringify(text));
  });
});

t.test('a broken map is refused, one that is not there changes nothing', async t => {
  t.throws(() => createTokenizer(definition('AAAA')), /precompiled_charsmap is broken/);
  const tokenizer = createTokenizer(definition(null));
  t.strictSame(tokenizer.encode('a'), [characters.indexOf('a')]);
});
