import OpenAI from 'openai';
import t from 'tap';
import { Registry } from '#registry/registry.js';
import { encoderModel } from '#registry/models.js';
import { letterTokenizer } from '#test/support/letter-tokenizer.js';
import { CREATED, fakeModel, startServer } from '#test/support/http-server.js';

const encoder = encoderModel({
  id: 'maker/encoder v1',
  created: CREATED,
  tokenizer: letterTokenizer,
  contextLength: 512,
  task: 'embedding',
  encoder: {
    reserve: () => () => undefined,
    encode: () => Promise.reject(new Error('not called')),
    stats: () => ({ waiting: 0, running: 0, batches: 0, tokens: 0, padding: 0 }),
    close: async () => undefined,
  },
  width: 8,
  labels: [],
  activation: 'none',
});

const { url } = await startServer(t, { registry: new Registry([fakeModel('letters'), encoder]) });
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });

t.test('the list, in the order of the registry', async t => {
  t.strictSame(await (await fetch(`${url}/v1/models`)).json(), {
    object: 'list',
    data: [
      {
        id: 'letters',
        object: 'model',
        created: CREATED,
        owned_by: 'kvasir',
        aliases: [],
        state: 'loaded',
        max_model_len: 64,
        task: 'text-generation',
        capabilities: ['completions'],
        input_modalities: ['text'],
      },
      {
        id: 'maker/encoder v1',
        object: 'model',
        created: CREATED,
        owned_by: 'kvasir',
        aliases: [],
        state: 'loaded',
        max_model_len: 512,
        task: 'embedding',
        capabilities: ['embeddings', 'score', 'rerank'],
        input_modalities: ['text'],
      },
    ],
  });
  t.strictSame(
    await (await fetch(`${url}/v1/models/`)).json(),
    await (await fetch(`${url}/v1/models`)).json(),
  );
  t.match((await client.models.list()).data, [{ id: 'letters' }, { id: 'maker/encoder v1' }]);
});

t.test('one model, its slashes encoded or not', async t => {
  t.match(await client.models.retrieve('letters'), { id: 'letters', object: 'model', created: CREATED });
  t.match(await client.models.retrieve('maker/encoder v1'), { id: 'maker/encoder v1' });
  for (const path of ['maker%2Fencoder%20v1', 'maker/encoder%20v1']) {
    const response = await fetch(`${url}/v1/models/${path}`);
    t.equal(response.status, 200, path);
    t.match(await response.json(), { id: 'maker/encoder v1' });
  }
});

t.test('an unknown model', async t => {
  for (const name of ['nobody', 'maker/nobody']) {
    await t.rejects(client.models.retrieve(name), { status: 404, code: 'model_not_found', param: 'model' });
  }
});

t.test('an encoder does not generate', async t => {
  await t.rejects(client.completions.create({ model: encoder.id, prompt: 'a' }), {
    status: 404,
    code: 'model_not_found',
    message: /cannot generate text/,
  });
});
