import t from 'tap';
import { MBART, MBART_50, M2M_100, NLLB_200, WMT_21 } from '#text/languages/published-codes.js';
import { describeLanguages, findLanguage, isLanguage } from '#text/languages/tags.js';

t.test('the published lists: as many as the papers say, each once', async t => {
  const sizes = new Map([
    [MBART, 25],
    [MBART_50, 52],
    [M2M_100, 100],
    [WMT_21, 8],
    [NLLB_200, 202],
  ]);
  for (const [codes, size] of sizes) t.strictSame([codes.length, new Set(codes).size], [size, size]);
});

t.test('tags: as clients spell languages', async t => {
  const tags = (...codes: string[]): string[] => describeLanguages(codes).map(({ tag }) => tag);
  t.strictSame(tags('eng_Latn', 'deu_Latn', 'arb_Arab', 'arb_Latn'), ['en', 'de', 'ar', 'ar-Latn']);
  t.strictSame(tags('zho_Hans', 'zho_Hant'), ['zh-Hans', 'zh-Hant']);
  t.strictSame(tags('en_XX', 'pt_XX', 'cs_CZ', 'zh_CN'), ['en', 'pt', 'cs', 'zh']);
  t.strictSame(tags('pt', 'pt_br'), ['pt', 'pt-BR'], 'told apart by the region');
  t.strictSame(tags('pes_Arab', 'prs_Arab'), ['fa', 'fa-Arab-AF']);
  t.strictSame(tags('fra', 'por', 'srp_Cyrl', 'srp_Latn'), ['fr', 'pt', 'sr', 'sr-Latn']);
  t.strictSame(tags('ns', 'no', 'no code'), ['nso', 'no', 'no code']);
});

t.test('tags of a model are told apart, and find their codes', async t => {
  for (const codes of [MBART, MBART_50, M2M_100, WMT_21, NLLB_200]) {
    const languages = describeLanguages(codes);
    t.equal(new Set(languages.map(({ tag }) => tag)).size, codes.length);
    for (const { code, tag } of languages) t.equal(findLanguage(codes, tag), code, tag);
    for (const code of codes) t.equal(findLanguage(codes, code), code);
  }
});

t.test('names are in English', async t => {
  const names = describeLanguages(['en_XX', 'zho_Hant', 'ceb', 'no code']).map(({ name }) => name);
  t.strictSame(names, ['English', 'Traditional Chinese', 'Cebuano', 'no code']);
  t.strictSame(
    describeLanguages(['en-u-ca-buddhist', 'de_1996']).map(({ tag }) => tag),
    ['en', 'de'],
  );
  const unnamed = describeLanguages(NLLB_200).filter(({ code, name }) => code === name);
  t.ok(unnamed.length < 30, `${unnamed.length} of NLLB's have no name`);
});

t.test('languages are found by what clients send', async t => {
  const found = (wanted: string, codes = NLLB_200): string | undefined => findLanguage(codes, wanted);
  t.equal(found('en'), 'eng_Latn');
  t.equal(found('EN'), 'eng_Latn');
  t.equal(found('en-GB'), 'eng_Latn');
  t.equal(found('eng'), 'eng_Latn');
  t.equal(found('zh'), 'zho_Hans');
  t.equal(found('zh-TW'), 'zho_Hant');
  t.equal(found('zh_Hant'), 'zho_Hant');
  t.equal(found('pt-BR'), 'por_Latn');
  t.equal(found('nb'), 'nob_Latn');
  t.equal(found('no'), 'nob_Latn');
  t.equal(found('sr'), 'srp_Cyrl');
  t.equal(found('sr-Latn'), undefined, 'another script is another language');
  t.equal(found('fa'), 'pes_Arab');
  t.equal(found('fa-AF'), 'prs_Arab');
  t.equal(found('tl'), 'tgl_Latn');
  t.equal(found('he'), 'heb_Hebr');
  t.equal(found('iw'), 'heb_Hebr');
  t.equal(found('en', MBART_50), 'en_XX');
  t.equal(found('zh-Hans', MBART_50), 'zh_CN');
  t.equal(found('zh-Hant', MBART_50), undefined);
  t.equal(found('zh-Hant', M2M_100), 'zh', 'which says nothing of scripts');
  t.equal(found('nb', M2M_100), 'no');
  t.equal(found('pt-BR', ['pt', 'pt_br']), 'pt_br');
  t.equal(found('pt', ['pt_br', 'pt']), 'pt');
  for (const none of ['', 'xx', 'auto', 'e', 'en_', '\u0000']) t.equal(found(none), undefined, none);
});

t.test('groups of languages are none', async t => {
  for (const code of ['en', 'eng', 'zho_Hans', 'pt_br', 'cy']) t.ok(isLanguage(code), code);
  for (const code of ['mul', 'ROMANCE', 'NORTH_EU', 'gmw', 'roa', 'zle', 'fiu', ''])
    t.notOk(isLanguage(code), code);
});
