import { readFileSync } from 'node:fs';
import t from 'tap';
import { createTokenizer } from '#text/tokenizer.js';

interface Pipeline {
  readonly name: string;
  readonly definition: { readonly model: object };
  /** Fields of the model, as places in the list of parts. */
  readonly shared: Readonly<Record<string, number>>;
  /** What Rust's `tokenizers` gives for each text. */
  readonly ids: readonly (readonly number[])[];
}

const file = new URL('../../../test/fixtures/tokenizers/pipelines.json', import.meta.url);
const { texts, parts, pipelines } = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly texts: readonly string[];
  readonly parts: readonly unknown[];
  readonly pipelines: readonly Pipeline[];
};

/** What is refused, by the name of the pipeline. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  'BPE, a prefix inside of words': /continuing_subword_prefix "##"/,
};

t.test("ids are those of Rust's tokenizers, with and without offsets", async t => {
  for (const { name, definition, shared, ids } of pipelines) {
    const fields = Object.entries(shared).map(([field, place]) => [field, parts[place]]);
    const model = { ...definition.model, ...(Object.fromEntries(fields) as object) };
    const whole = { ...definition, model };
    if (REFUSED[name] !== undefined) {
      t.throws(() => createTokenizer(whole), { message: REFUSED[name] }, name);
      continue;
    }
    const tokenizer = createTokenizer(whole);
    const different = texts.filter((text, i) => {
      const located = tokenizer.encodeWithOffsets(text).ids;
      return [tokenizer.encode(text), located].some(
        found => JSON.stringify(found) !== JSON.stringify(ids[i]),
      );
    });
    t.strictSame(different, [], name);
  }
});

t.test('tokens that only tokenizer_config.json has, and flags that it changes', async t => {
  const added = (id: number, content: string, special: boolean) => ({
    id,
    content,
    special,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  });
  const definition = {
    version: '1.0',
    added_tokens: [added(3, '<s>', true), added(4, '<|im_end|>', false)],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    model: { type: 'BPE', unk_token: '?', vocab: { '?': 0, a: 1, b: 2 }, merges: [] },
  };
  const { id: _, ...end } = added(4, '<|im_end|>', true);
  const decoder = {
    4: end,
    9: { ...end, content: '<|extra|>', special: false },
    2: { ...end, content: 'b' },
  };
  const tokenizer = createTokenizer(definition, { added_tokens_decoder: decoder });
  t.strictSame(tokenizer.encode('a<|im_end|>b<|extra|>'), [1, 4, 2, 5], 'the next free id, as in Rust');
  t.strictSame([...tokenizer.specialIds].sort(), [2, 3, 4]);
  t.equal(tokenizer.decode([1, 4, 5]).replaceAll(' ', ''), 'a<|extra|>');
  const plain = createTokenizer(definition, { added_tokens_decoder: { 3: added(3, '<s>', true) } });
  t.strictSame([...plain.specialIds], [3]);
});
