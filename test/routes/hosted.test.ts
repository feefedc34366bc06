import t, { type Test } from 'tap';
import { jsonClient } from '#test/support/json-client.js';
import { startWholeServer } from '#test/support/whole-server.js';

const { url, models } = await startWholeServer(t, 512);
const post = jsonClient(url);

type Case = readonly [body: object, address: string];

/** Answers without what is new each time. */
const plain = (body: unknown): unknown =>
  JSON.parse(JSON.stringify(body), (key, value: unknown) => (key === 'id' || key === 'created' ? '' : value));

async function agrees(t: Test, root: string, [body, address]: Case): Promise<void> {
  const [there, here] = await Promise.all([post(address, body), post(root, body)]);
  t.strictSame(plain(here), plain(there), `${JSON.stringify(body).slice(0, 60)} as ${address}`);
}

const message = { role: 'user', content: 'a' };

const OF_TEI: readonly Case[] = [
  [{ inputs: 'a' }, '/embed'],
  [{ inputs: ['a', [5]], normalize: false }, '/embed'],
  [{ inputs: 'a', model: 'sequence-classification' }, '/predict'],
  [{ inputs: [['a', 'b']], model: 'ranker' }, '/predict'],
  [{ query: 'q', texts: ['a', 'b'] }, '/rerank'],
  [{ inputs: { source_sentence: 'a', sentences: ['b'] } }, '/similarity'],
  [{ inputs: 5 }, '/embed'],
  [{ inputs: 'a', model: 'nobody' }, '/embed'],
  [{ inputs: 'a', model: 'writer' }, '/embed'],
  [{ inputs: 'a', model: 5 }, '/embed'],
  [{ inputs: 'a', truncate: 'no' }, '/embed'],
];

const OF_OTHERS: readonly Case[] = [
  [{ messages: [message], max_tokens: 4, temperature: 0 }, '/v1/chat/completions'],
  [{ prompt: 'a', max_tokens: 4, temperature: 0 }, '/v1/completions'],
  [{ input: ['a', 'b'], encoding_format: 'base64' }, '/v1/embeddings'],
  [{ input: 'a', model: 'sequence-classification' }, '/v1/classify'],
  [{ input: 'a', model: 'writer', max_output_tokens: 1, temperature: 0 }, '/v1/responses'],
  [{ query: 'q', documents: ['a', 'b'] }, '/v1/rerank'],
  [{ text_1: 'q', text_2: ['a', 'b'] }, '/v1/score'],
  [{ prompt: 5 }, '/v1/completions'],
  [{ prompt: 'a', temperature: -1 }, '/v1/completions'],
  [{ prompt: 'a', model: 'nobody' }, '/v1/completions'],
  [{ messages: [] }, '/v1/chat/completions'],
];

t.test("TEI's root does what the model can, and refuses in the same words", async t => {
  for (const one of OF_TEI) await agrees(t, '/', one);
});

t.test('/invocations does what the fields are for', async t => {
  for (const one of [...OF_TEI, ...OF_OTHERS]) await agrees(t, '/invocations', one);
});

t.test('a stream', async t => {
  const body = JSON.stringify({ prompt: 'a', max_tokens: 2, temperature: 0, stream: true });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/invocations`, { method: 'POST', headers, body });
  t.match(answer.headers.get('content-type'), /^text\/event-stream/);
  t.match(await answer.text(), /\[DONE\]\n\n$/);
});

t.test('bodies that nothing can be told from', async t => {
  t.match(await post('/', { prompt: 'a' }), { status: 400, body: { error_type: 'Validation' } });
  for (const body of [{}, { model: models[0] }, { stream: true }])
    t.match(await post('/invocations', body), {
      status: 400,
      body: { error: { code: 'invalid_request', param: null, message: /inputs/ } },
    });
});
