import t from 'tap';
import { chooseTranslator, listLanguages, sameLanguage, sourcesFor } from '#api/translation/languages.js';

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
  const chinese = { id: 'zh', translates: { sources: ['en'], targets: ['zho_Hans', 'zho_Hant'] } };
  for (const [wanted, target] of [
    ['zt', 'zho_Hant'],
    ['zh-TW', 'zho_Hant'],
    ['zh', 'zho_Hans'],
  ] as const)
    t.equal(chooseTranslator([chinese], 'en', wanted).target, target);
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
});

t.test('what a text may be in that is to be in a language', async t => {
  t.strictSame(sourcesFor([de, en], 'de'), ['de', 'en']);
  t.strictSame(sourcesFor([de, en, many], 'fr'), ['fr', 'en', 'de']);
  t.throws(() => sourcesFor([de], 'fr'), { param: 'target', message: 'fr is not supported' });
  t.ok(sameLanguage([de], 'en-US', 'eng'));
  t.notOk(sameLanguage([de], 'en', 'de'));
  t.notOk(sameLanguage([de], 'xx', 'xx'));
});
