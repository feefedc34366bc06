import t from 'tap';
import { Registry } from '#registry/registry.js';
import { fakeEncoderModel } from '#test/support/fake-encoder-service.js';
import { fakeModel, startServer } from '#test/support/http-server.js';
import { jsonClient } from '#test/support/json-client.js';

const { url } = await startServer(t, {
  registry: new Registry([fakeModel('letters'), fakeEncoderModel('embedding')]),
});
const post = jsonClient(url);

t.test('text to tokens, for any kind of model', async t => {
  t.strictSame((await post('/v1/tokenize', { prompt: 'abc' })).body, {
    count: 3,
    max_model_len: 64,
    tokens: [0, 1, 2],
    token_strs: null,
  });
  t.strictSame(
    (await post('/v1/tokenize', { model: 'embedding', prompt: 'Tokenize', return_token_strs: true })).body,
    {
      count: 4,
      max_model_len: 32,
      tokens: [2, 69, 70, 3],
      token_strs: ['[CLS]', 'token', '##ize', '[SEP]'],
    },
  );
  t.match((await post('/v1/tokenize', { model: 'embedding', prompt: 'a', add_special_tokens: false })).body, {
    count: 1,
  });
});

t.test('tokens to text', async t => {
  t.strictSame((await post('/v1/detokenize', { tokens: [0, 1, 2] })).body, { prompt: 'abc' });
  const embedding = { model: 'embedding', tokens: [2, 69, 70, 3, 100_000] };
  t.strictSame((await post('/v1/detokenize', embedding)).body, { prompt: '[CLS] tokenize [SEP]' });
  t.strictSame((await post('/v1/detokenize', { ...embedding, skip_special_tokens: true })).body, {
    prompt: 'tokenize',
  });
  t.strictSame((await post('/v1/detokenize', { tokens: [] })).body, { prompt: '' });
});

t.test('what is refused', async t => {
  for (const [path, body, param] of [
    ['/v1/tokenize', {}, 'prompt'],
    ['/v1/tokenize', { prompt: 5 }, 'prompt'],
    ['/v1/tokenize', { model: 'nobody', prompt: 'a' }, 'model'],
    ['/v1/detokenize', { tokens: [-1] }, 'tokens[0]'],
    ['/v1/detokenize', { tokens: 'abc' }, 'tokens'],
  ] as const) {
    t.match(await post(path, body), { body: { error: { param } } }, JSON.stringify(body));
  }
  const { url: empty } = await startServer(t, { registry: new Registry([]) });
  t.match(await jsonClient(empty)('/v1/tokenize', { prompt: 'a' }), {
    status: 404,
    body: { error: { code: 'model_not_found', message: 'no model is served here that can read text' } },
  });
});
