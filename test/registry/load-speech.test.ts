import t from 'tap';
import { loadModel } from '#registry/load.js';
import { readCard } from '#registry/read-card.js';
import { Environment } from '#runtime/index.js';
import { randomWhisper } from '#test/support/random-whisper.js';

const environment = new Environment({ logLevel: 'fatal' });
const session = { intraOpThreads: 1 };

t.test('a model that hears is what its card says before it is loaded', async t => {
  const folder = await randomWhisper(t);
  const card = await readCard(folder);
  t.strictSame(
    [card.task, [...card.abilities], card.hears],
    [
      'automatic-speech-recognition',
      ['transcribe', 'interpret'],
      { languages: ['en', 'de', 'ja'], translates: true, tellsTimes: true },
    ],
  );
  const model = await loadModel(environment, folder, { id: 'whisper', slots: 2, session });
  t.teardown(() => model.close());
  t.strictSame(model.card, card);
  t.match(model, { id: 'whisper', device: 'cpu', bytesPerSecond: 32_000, speech: { tellsWords: true } });
  t.equal(model.stats().engine?.slots ?? model.engine?.slots, 2);
});

t.test('one that knows English alone does not translate', async t => {
  const folder = await randomWhisper(t, { is_multilingual: false });
  const card = await readCard(folder);
  t.strictSame([[...card.abilities], card.hears?.languages], [['transcribe'], ['en']]);
  const model = await loadModel(environment, folder, { slots: 1, session });
  t.teardown(() => model.close());
  t.strictSame(model.card, card);
});

t.test('settings that are none', async t => {
  const folder = await randomWhisper(t, { suppress_tokens: 'all' });
  await t.rejects(readCard(folder), { code: 'invalid_model', message: /suppress_tokens/ });
  await t.rejects(loadModel(environment, folder, { slots: 1, session }), { code: 'invalid_model' });
});
