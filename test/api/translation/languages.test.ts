import t from 'tap';
import {
  chooseTranslator,
  findLanguage,
  languageName,
  languageTags,
  listLanguages,
} from '#api/translation/languages.js';

t.test("models' codes become tags that clients know", async t => {
  const cases: [codes: string[], tags: string[]][] = [
    [
      [
        'eng_Latn',
        'zho_Hans',
        'zho_Hant',
        'arb_Arab',
        'pes_Arab',
        'prs_Arab',
        'nob_Latn',
        'tgl_Latn',
        'srp_Cyrl',
        'kas_Deva',
        'kor_Hang',
        'pbt_Arab',
      ],
      ['en', 'zh', 'zh-Hant', 'ar', 'fa', 'fa-AF', 'nb', 'fil', 'sr', 'ks-Deva', 'ko', 'ps'],
    ],
    [
      ['en_XX', 'de_DE', 'zh_CN', 'ar_AR', 'pt_XX', 'xh_ZA'],
      ['en', 'de', 'zh', 'ar', 'pt', 'xh'],
    ],
    [
      ['pt', 'pt_br', 'fra', 'zh_TW', 'zle+mul'],
      ['pt', 'pt-BR', 'fr', 'zh-Hant', 'zle+mul'],
    ],
  ];
  for (const [codes, tags] of cases)
    t.match(
      languageTags(codes),
      tags.map((tag, index) => ({ tag, code: codes[index] })),
    );
});

t.test('no two codes have one tag', async t => {
  const languages = languageTags(['en', 'eng', 'en_XX', 'twi_Latn', 'aka_Latn']);
  t.strictSame(
    languages.map(({ tag }) => tag),
    ['en', 'eng', 'en_XX', 'ak', 'aka_Latn'],
  );
});

t.test('a language is found whatever it is called', async t => {
  const codes = ['eng_Latn', 'zho_Hans', 'zho_Hant', 'por_Latn', 'pes_Arab', 'prs_Arab', 'nob_Latn'];
  const cases = {
    en: 'en',
    EN: 'en',
    'en-GB': 'en',
    eng_Latn: 'en',
    eng: 'en',
    zh: 'zh',
    'zh-CN': 'zh',
    'zh-Hans': 'zh',
    'zh-TW': 'zh-Hant',
    zt: 'zh-Hant',
    pb: 'pt',
    'pt-BR': 'pt',
    fa: 'fa',
    'fa-AF': 'fa-AF',
    'fa-IR': 'fa',
    no: 'nb',
    'en-Cyrl': undefined,
    xx: undefined,
    'not a code': undefined,
    '': undefined,
  };
  for (const [wanted, tag] of Object.entries(cases)) t.equal(findLanguage(codes, wanted)?.tag, tag, wanted);
  t.equal(findLanguage(['pt', 'pt_BR'], 'pt-PT')?.tag, 'pt');
});

const de = { id: 'en-de', translates: { sources: ['en'], targets: ['de'] } };
const en = { id: 'de-en', translates: { sources: ['de'], targets: ['en'] } };
const codes = ['eng_Latn', 'deu_Latn', 'fra_Latn'];
const many = { id: 'nllb', translates: { sources: codes, targets: codes } };

t.test('the first model that translates a pair does', async t => {
  const chosen = (source: string, target: string) => {
    const choice = chooseTranslator([de, en, many], source, target);
    return [choice.translator.id, choice.source, choice.target, choice.locale];
  };
  t.strictSame(chosen('en', 'de'), ['en-de', 'en', 'de', 'en']);
  t.strictSame(chosen('de-AT', 'en-US'), ['de-en', 'de', 'en', 'de']);
  t.strictSame(chosen('en', 'fr'), ['nllb', 'eng_Latn', 'fra_Latn', 'en']);
});

t.test('what nobody translates is refused', async t => {
  const refusal = (source: string, target: string, param: string, message: string) =>
    t.throws(() => chooseTranslator([de], source, target), { code: 'invalid_request', param, message });
  refusal('xx', 'de', 'source', 'xx is not supported');
  refusal('en', 'fr', 'target', 'fr is not supported');
  t.throws(() => chooseTranslator([de, en], 'en', 'en'), {
    param: 'target',
    message: 'English (en) is not available as a target language from English (en)',
  });
  t.throws(() => chooseTranslator([], 'en', 'de'), { code: 'model_not_found' });
});

t.test('languages are those of all models together', async t => {
  t.strictSame(listLanguages([de, en, many]), [
    { code: 'de', name: 'German', targets: ['en', 'fr'] },
    { code: 'en', name: 'English', targets: ['de', 'fr'] },
    { code: 'fr', name: 'French', targets: ['de', 'en'] },
  ]);
  t.strictSame(listLanguages([{ id: 'x', translates: { sources: ['de'], targets: ['de'] } }]), []);
  t.equal(languageName('zh-Hant'), 'Traditional Chinese');
  for (const code of ['zle+mul', 'apc_Arab']) t.equal(languageName(code), code);
});
