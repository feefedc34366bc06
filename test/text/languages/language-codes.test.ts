import t, { type Test } from 'tap';
import { loadLanguageCodes, type LanguageCodes } from '#text/languages/language-codes.js';
import { loadTokenizer } from '#text/tokenizer.js';
import type { Tokenizer } from '#text/types.js';
import { sentencePieceFolder } from '#test/support/sentencepiece-fixtures.js';

interface Loaded {
  readonly tokenizer: Tokenizer;
  readonly languages: LanguageCodes;
  /** A source as transformers writes it. */
  readonly encode: (text: string, source?: string, target?: string) => number[];
}

type Files = Record<string, Buffer | string>;

async function load(t: Test, files: Files, config: object): Promise<Loaded> {
  const folder = t.testdir({ ...files, 'config.json': JSON.stringify(config) });
  const tokenizer = await loadTokenizer(folder);
  const languages = (await loadLanguageCodes(folder, tokenizer))!;
  return {
    tokenizer,
    languages,
    encode: (text, source, target) => {
      const { before, after } = languages.sourceTokens(source, target);
      return [...before, ...tokenizer.encode(text, { addSpecialTokens: false }), ...after];
    },
  };
}

for (const [name, modelType, language, place] of [
  ['m2m100', 'm2m_100', 'fr', 'before'],
  ['nllb', 'm2m_100', 'fra_Latn', 'before'],
  ['nllb-legacy', 'm2m_100', 'fra_Latn', 'behind'],
  ['mbart', 'mbart', 'fr_XX', 'behind'],
  ['mbart50', 'mbart', 'fr_XX', 'before'],
] as const)
  t.test(`${name}: a source says its language, and what is written begins with one`, async t => {
    const files = sentencePieceFolder(name);
    const config = JSON.parse(files['config.json'] as string) as object;
    const { tokenizer, languages, encode } = await load(t, files, { model_type: modelType, ...config });
    const id = tokenizer.id(name === 'm2m100' ? '__fr__' : language)!;
    const text = 'Hello world';
    t.strictSame(encode(text), tokenizer.encode(text), "the tokenizer's own language");
    const ids = encode(text, language);
    t.strictSame(place === 'before' ? ids[0] : ids.at(-1), id);
    t.equal(ids.at(place === 'before' ? -1 : -2), tokenizer.id('</s>'));
    t.strictSame(languages.sources, languages.codes);
    t.strictSame(languages.targets, languages.codes);
    const isStart = name === 'mbart';
    t.equal(languages.forcedTarget(language), isStart ? undefined : id);
    t.equal(languages.startTarget(language), isStart ? id : undefined);
    t.throws(() => languages.sourceTokens('xx'), { code: 'invalid_request' });
  });

t.test('a family is told by its languages where no class is named', async t => {
  const { 'tokenizer_config.json': _, ...mbart } = sentencePieceFolder('mbart');
  const { languages } = await load(t, mbart, { model_type: 'mbart' });
  t.equal(languages.codes.length, 25);
  t.equal(languages.sourceTokens().before.length, 0);
});

t.test('Marian: one language, or those that its vocabulary marks', async t => {
  const single = await load(t, sentencePieceFolder('marian'), { model_type: 'marian' });
  t.strictSame(single.languages.codes, ['en', 'de']);
  t.strictSame(single.languages.sources, ['en']);
  t.strictSame(single.languages.targets, ['de']);
  t.strictSame(single.encode('Hello', 'en', 'de'), single.tokenizer.encode('Hello'));
  t.equal(single.languages.forcedTarget('de'), undefined);
  t.equal(single.languages.startTarget('de'), undefined);
  const many = await load(t, sentencePieceFolder('marian-multilingual'), { model_type: 'marian' });
  t.strictSame(many.languages.sources, ['eng']);
  t.strictSame(many.languages.targets, ['fra', 'deu', 'por']);
  t.strictSame(many.encode('Hello', 'eng', 'fra'), many.tokenizer.encode('>>fra<<Hello'));
  t.strictSame(many.encode('Hello'), many.tokenizer.encode('Hello'));
});

t.test('Marian without languages in its files: those of its name', async t => {
  const { 'tokenizer_config.json': _, ...files } = sentencePieceFolder('marian');
  const config = { 'config.json': '{"model_type":"marian"}' };
  for (const [name, sources, targets] of [
    ['opus-mt-en-de', ['en'], ['de']],
    ['models--Helsinki-NLP--opus-mt-tc-big-en-pt', ['en'], ['pt']],
    ['opus-mt-ROMANCE-en', [], ['en']],
  ] as const) {
    const folder = `${t.testdir({ [name]: { snapshot: { ...files, ...config } } })}/${name}/snapshot`;
    const languages = await loadLanguageCodes(folder, await loadTokenizer(folder));
    t.strictSame([languages?.sources, languages?.targets], [sources, targets], name);
  }
  const folder = t.testdir({ ...files, ...config });
  t.equal(await loadLanguageCodes(folder, await loadTokenizer(folder)), undefined, 'no name, no languages');
});

t.test('other models know none', async t => {
  const folder = t.testdir({ ...sentencePieceFolder('t5'), 'config.json': '{"model_type":"t5"}' });
  t.equal(await loadLanguageCodes(folder, await loadTokenizer(folder)), undefined);
});
