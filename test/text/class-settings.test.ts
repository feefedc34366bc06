import { readFileSync } from 'node:fs';
import t from 'tap';
import { createTokenizer } from '#text/tokenizer.js';

/** What transformers' classes make of settings that differ: see `test/fixtures/make_tokenizer_classes.py`. */
const file = new URL('../../../test/fixtures/tokenizers/classes.json', import.meta.url);
const { texts, definitions, cases } = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly texts: readonly string[];
  readonly definitions: Readonly<Record<string, readonly object[]>>;
  readonly cases: readonly {
    readonly kind: string;
    readonly definition: number;
    readonly config: object;
    readonly ids: readonly (readonly number[])[];
  }[];
};

t.test(
  'settings of tokenizer_config.json win where the class named there builds its parts itself',
  async t => {
    for (const { kind, definition, config, ids } of cases) {
      const tokenizer = createTokenizer(definitions[kind]![definition]!, config);
      const name = `${JSON.stringify(config)}, tokenizer.json ${definition}`;
      const encode = (text: string): number[] => tokenizer.encode(text, { addSpecialTokens: false });
      t.strictSame(texts.map(encode), ids, name);
      t.strictSame(
        texts.map(text => tokenizer.encodeWithOffsets(text).ids),
        ids,
        `${name}, with offsets`,
      );
    }
  },
);

t.test('where no class is named, tokenizer.json is read as it is', async t => {
  const [lower, cased] = definitions.bert!.map(definition =>
    createTokenizer(definition, { do_lower_case: true }).encode('Hello'),
  );
  t.notSame(lower, cased);
});

t.test('special tokens by their older and newer field', async t => {
  const definition = {
    ...definitions.byte_level![0]!,
    added_tokens: ['<a>', '<b>', '<c>'].map((content, i) => ({
      id: 300 + i,
      content,
      special: false,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
    })),
  };
  const special = (config: object): number[] => [...createTokenizer(definition, config).specialIds];
  t.strictSame(special({ additional_special_tokens: ['<a>'] }), [300]);
  t.strictSame(special({ extra_special_tokens: ['<b>', { content: '<c>' }] }), [301, 302]);
  t.strictSame(special({ extra_special_tokens: { image_token: '<b>' } }), [301]);
  t.strictSame(special({ extra_special_tokens: null }), []);
});
