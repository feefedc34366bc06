import t from 'tap';
import { loadModel } from '#registry/load.js';
import { Registry } from '#registry/registry.js';
import { Environment } from '#runtime/index.js';
import { startServer } from '#test/support/http-server.js';
import { jsonClient } from '#test/support/json-client.js';
import { readSeq2SeqFixtures } from '#test/support/seq2seq-fixtures.js';
import { seq2seqFolder } from '#test/support/seq2seq-folder.js';

interface Answer {
  readonly choices: readonly {
    readonly token_ids: readonly number[];
    readonly prompt_token_ids: readonly number[];
  }[];
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number };
}

const environment = new Environment({ logLevel: 'fatal' });
const session = { intraOpThreads: 1 };
const fixtures = await readSeq2SeqFixtures();
const models = await Promise.all(
  fixtures.map(async ({ name }) =>
    loadModel(environment, await seq2seqFolder(t, name), { id: name, slots: 8, session }),
  ),
);
const translator = await seq2seqFolder(t, 'marian', 'opus-mt-en-de');
const german = await loadModel(environment, translator, { id: 'opus-mt-en-de', slots: 8, session });
const { url } = await startServer(t, { registry: new Registry([...models, german]) });
const post = jsonClient(url);

for (const { name, prompts, defaults } of fixtures)
  t.test(`${name}: a request that says nothing gets what transformers gives for the folder`, async t => {
    const prompt = defaults.map(({ prompt }) => prompts[prompt]);
    const { status, body } = await post<Answer>('/v1/completions', {
      model: name,
      prompt,
      return_token_ids: true,
    });
    t.equal(status, 200);
    t.strictSame(
      body.choices.map(({ token_ids: ids }) => ids),
      defaults.map(({ results }) => results[0]!.ids),
    );
    t.strictSame(
      body.choices.map(({ prompt_token_ids: ids }) => ids),
      prompt,
    );
    t.equal(body.usage.prompt_tokens, prompt.flat().length);
    t.equal(body.usage.completion_tokens, body.choices.flatMap(({ token_ids: ids }) => ids).length);
  });

t.test('a folder that says its languages translates', async t => {
  interface Translated {
    readonly translatedText: string;
    readonly alternatives: readonly string[];
  }
  const q = 'abcd abcd. Efgh abc!\n\n12\nabcd abcd.';
  const { status, body } = await post<Translated>('/translate', {
    q,
    source: 'en',
    target: 'de',
    alternatives: 2,
  });
  t.equal(status, 200);
  const lines = body.translatedText.split('\n');
  t.equal(lines.length, 4);
  t.strictSame([lines[1], lines[2]], ['', '12']);
  t.ok(lines[0]!.startsWith(lines[3]!), 'a sentence is translated alike wherever it stands');
  t.ok(body.alternatives.length <= 2 && !body.alternatives.includes(body.translatedText));
  t.match(await (await fetch(`${url}/languages`)).json(), [{ code: 'en', name: 'English', targets: ['de'] }]);
  const long = 'a b c d e f g h i j, '.repeat(40);
  t.equal((await post('/translate', { q: long, source: 'en', target: 'de' })).status, 200);
});
