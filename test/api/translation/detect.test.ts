import t from 'tap';
import { detectLanguages } from '#api/translation/detect.js';

const served = ['de', 'en', 'fr', 'ja', 'zh', 'zh-Hant', 'nb'];

t.test('the language of a text is told', async t => {
  const texts = {
    en: 'What language is this?',
    de: 'Wie geht es dir heute?',
    fr: 'Où est la bibliothèque ?',
    ja: '今日は天気がいいですね。',
    zh: '今天天气很好',
    nb: 'Jeg vet ikke hva jeg skal gjøre i dag.',
  };
  for (const [language, text] of Object.entries(texts)) {
    const [first, ...others] = await detectLanguages(text, served);
    t.equal(first!.language, language);
    t.ok(first!.confidence > 50 && first!.confidence <= 100);
    t.ok(others.every(({ confidence }) => confidence <= first!.confidence));
  }
});

t.test('only languages that it may be are told', async t => {
  const found = await detectLanguages('Wie geht es dir heute?', ['en', 'fr']);
  t.ok(found.every(({ language }) => ['en', 'fr'].includes(language)));
});

t.test('where nothing speaks for a language, one is named without confidence', async t => {
  t.strictSame(await detectLanguages('12', served), [{ language: 'en', confidence: 0 }]);
  t.strictSame(await detectLanguages('', ['fr', 'de']), [{ language: 'fr', confidence: 0 }]);
});
