import t from 'tap';
import { readSpeechSettings } from '#speech/settings.js';

const folder = (config: object | string): string =>
  t.testdir({
    'generation_config.json': typeof config === 'string' ? config : JSON.stringify(config),
  });

t.test('what the folder says', async t => {
  t.strictSame(await readSpeechSettings(folder({ is_multilingual: false, suppress_tokens: [1, 2] })), {
    multilingual: false,
    suppressedTokens: [1, 2],
  });
  const unsaid = { multilingual: undefined, suppressedTokens: undefined };
  t.strictSame(await readSpeechSettings(folder({ suppress_tokens: null })), unsaid);
  t.strictSame(await readSpeechSettings(t.testdir({})), unsaid);
});

t.test('what makes no sense is refused by its name', async t => {
  for (const config of [{ is_multilingual: 'yes' }, { suppress_tokens: ['a'] }, { suppress_tokens: 3 }, '{'])
    await t.rejects(readSpeechSettings(folder(config)), { code: 'invalid_model' });
});
