import t from 'tap';
import { LANGUAGE_CODES, languageCode, languageName } from '#speech/languages.js';

t.test('codes and names', async t => {
  t.equal(LANGUAGE_CODES.length, 100);
  for (const code of LANGUAGE_CODES) {
    t.equal(languageCode(code), code);
    t.equal(languageCode(languageName(code)), code);
  }
  t.equal(languageName('de'), 'german');
  t.equal(languageCode(' German '), 'de');
  t.equal(languageCode('pt-BR'), 'pt');
  t.equal(languageCode('Mandarin'), 'zh');
  t.equal(languageCode('klingon'), undefined);
  t.equal(languageCode('toString'), undefined);
});
