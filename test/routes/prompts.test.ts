import t from 'tap';
import { PLAIN_SENTENCES, type SentenceConfig } from '#model/sentence-config.js';
import { Registry } from '#registry/registry.js';
import { fakeEncoderModel } from '#test/support/fake-encoder-service.js';
import { fakeModel, startServer } from '#test/support/http-server.js';
import { jsonClient } from '#test/support/json-client.js';

const sentences: SentenceConfig = {
  ...PLAIN_SENTENCES,
  prompts: new Map([
    ['query', 'the '],
    ['none', ''],
  ]),
  defaultPrompt: 'the ',
};
const model = fakeEncoderModel('embedding', { sentences });
const named = fakeEncoderModel('embedding', { id: 'named', sentences: { ...sentences, defaultPrompt: '' } });
const apart = fakeEncoderModel('embedding', { id: 'apart', sentences: { ...sentences, poolsPrompt: false } });
const bare = fakeEncoderModel('embedding', { id: 'bare' });
const tasks = [
  { task: 'retrieval.query', instruction: 'the ' },
  { task: 'separation', instruction: '' },
];
const adapted = fakeEncoderModel('embedding', { id: 'adapted', sentences: { ...sentences, tasks } });
const registry = new Registry([model, named, apart, bare, adapted, fakeModel('letters')]);
const { url } = await startServer(t, { registry });
const post = jsonClient(url);

/** The texts that a model reads for a request. */
async function read(path: string, body: object, of = model): Promise<string[]> {
  of.encoder.reset();
  const { status } = await post(path, { ...body, model: of.id });
  if (status !== 200) throw new Error(`${status}`);
  return of.encoder.inputs.map(({ ids }) => of.tokenizer.decode(ids));
}

t.test('the default prompt stands in front of every text, on every route that embeds', async t => {
  t.strictSame(await read('/v1/embeddings', { input: 'a' }), ['the a']);
  t.strictSame(await read('/v1/embeddings', { input: ['a', 'b'] }), ['the a', 'the b']);
  t.strictSame(await read('/embed', { inputs: ['a', 'b'] }), ['the a', 'the b']);
  t.strictSame(await read('/', { inputs: 'a' }), ['the a']);
  t.strictSame(await read('/similarity', { inputs: { source_sentence: 'a', sentences: ['b'] } }), [
    'the a',
    'the b',
  ]);
  t.strictSame(await read('/v1/score', { text_1: 'a', text_2: ['b'] }), ['the a', 'the b']);
  t.strictSame(await read('/v1/rerank', { query: 'a', documents: ['b'] }), ['the a', 'the b']);
  t.strictSame(await read('/rerank', { query: 'a', texts: ['b'] }), ['the a', 'the b']);
});

t.test('a prompt by its name, or as a text, or none', async t => {
  for (const [path, input] of [
    ['/v1/embeddings', 'input'],
    ['/embed', 'inputs'],
  ] as const) {
    t.strictSame(await read(path, { [input]: 'a' }, named), ['a']);
    t.strictSame(await read(path, { [input]: 'a', prompt_name: 'query' }, named), ['the a']);
    t.strictSame(await read(path, { [input]: 'a', prompt_name: 'none' }), ['a']);
    t.strictSame(await read(path, { [input]: 'a', prompt_name: '' }), ['a']);
    t.strictSame(await read(path, { [input]: 'a', prompt_name: null }), ['the a']);
  }
  t.strictSame(await read('/v1/embeddings', { input: 'a', prompt: '' }), ['a']);
  t.strictSame(await read('/v1/embeddings', { input: 'a', prompt: 'b ' }), ['b a']);
  t.strictSame(await read('/v1/embeddings', { input: 'a', prompt: 'b ', prompt_name: 'query' }), ['b a']);
  const inputs = { source_sentence: 'a', sentences: ['b'] };
  t.strictSame(await read('/similarity', { inputs, parameters: { prompt_name: 'none' } }), ['a', 'b']);
  const tokens = async (fields: object): Promise<string[]> =>
    (
      await post<{ text: string }[][]>('/tokenize', { model: 'embedding', inputs: 'a', ...fields })
    ).body[0]!.map(({ text }) => text);
  t.strictSame(await tokens({}), ['[CLS]', 'the', 'a', '[SEP]'], 'as many as the model reads');
  t.strictSame(await tokens({ prompt_name: 'none' }), ['[CLS]', 'a', '[SEP]']);
});

t.test('it counts, and is cut with the text', async t => {
  const embed = async (fields: object): Promise<unknown> =>
    (await post('/v1/embeddings', { model: 'embedding', input: 'a b', ...fields })).body;
  t.match(await embed({}), { usage: { prompt_tokens: 5 } });
  t.match(await embed({ input: 'a '.repeat(30) }), { error: { message: /^input has 33 tokens/ } });
  const cut = { input: 'a b', truncate_prompt_tokens: 4 };
  t.strictSame(await read('/v1/embeddings', cut), ['the a']);
  t.strictSame(await read('/v1/embeddings', { ...cut, truncation_side: 'left' }), ['a b']);
});

t.test('token ids are read as they are, and no prompt can be asked for', async t => {
  t.strictSame(await read('/v1/embeddings', { input: [model.tokenizer.id('a')!] }), ['a']);
  t.strictSame(await read('/embed', { inputs: ['b', [model.tokenizer.id('a')!]] }), ['the b', 'a']);
  t.match(await post('/v1/embeddings', { input: [5], prompt_name: 'query' }), {
    status: 400,
    body: { error: { param: 'prompt_name', message: /token ids/ } },
  });
  t.match(await post('/v1/embeddings', { input: ['a', [5]], prompt: 'b' }), {
    status: 400,
    body: { error: { param: 'prompt' } },
  });
  t.strictSame(await read('/v1/embeddings', { input: [model.tokenizer.id('a')!], prompt_name: '' }), ['a']);
});

t.test('names that the model does not have', async t => {
  t.match(await post('/v1/embeddings', { input: 'a', prompt_name: 'other' }), {
    status: 400,
    body: {
      error: {
        param: 'prompt_name',
        message: 'prompt_name must be one of the model\'s prompts: "query", "none"',
      },
    },
  });
  for (const [path, body] of [
    ['/embed', { inputs: 'a', prompt_name: 'query' }],
    [
      '/similarity',
      { inputs: { source_sentence: 'a', sentences: ['b'] }, parameters: { prompt_name: 'query' } },
    ],
    ['/tokenize', { inputs: 'a', prompt_name: 'query' }],
  ] as const)
    t.match(await post(path, { ...body, model: 'bare' }), {
      status: 400,
      body: { error: /^prompt_name is not supported by this model/, error_type: 'Validation' },
    });
  t.match(await post('/tokenize', { model: 'letters', inputs: 'a', prompt_name: 'query' }), { status: 400 });
});

t.test('vectors that the model itself cuts are not scaled anew', async t => {
  const cut = fakeEncoderModel('embedding', { sentences: { ...sentences, truncateDim: 2 } });
  cut.encoder.script = () => [3, 4, 12, 84];
  const server = await startServer(t, { registry: new Registry([cut]) });
  const ask = jsonClient(server.url);
  const embed = async (fields: object = {}): Promise<number[]> => {
    const { body } = await ask<{ data: [{ embedding: number[] }] }>('/v1/embeddings', {
      input: 'a',
      ...fields,
    });
    return body.data[0].embedding.map(value => Number(value.toFixed(6)));
  };
  t.strictSame(await embed(), [0.035294, 0.047059], 'the first two of the whole at a length of 1');
  t.strictSame(await embed({ normalize: true }), [0.6, 0.8]);
  t.strictSame(await embed({ normalize: false }), [3, 4]);
  t.strictSame(await embed({ dimensions: 3, normalize: false }), [3, 4, 12]);
  t.equal((await ask<number[][]>('/embed', { inputs: 'a' })).body[0]!.length, 2);
});

t.test('tokens of a prompt that have no share in the vector', async t => {
  const unpooled = async (body: object): Promise<unknown> => {
    await read('/v1/embeddings', body, apart);
    return apart.encoder.inputs.map(input => input.unpooled);
  };
  // [CLS] and the word; the prompt's own [SEP] does not count.
  t.strictSame(await unpooled({ input: ['a', [2, 8, 3]] }), [2, undefined], 'token ids have no prompt');
  t.strictSame(await unpooled({ input: 'a', prompt_name: 'none' }), [undefined]);
  t.strictSame(await read('/v1/embeddings', { input: 'a' }), ['the a']);
  t.strictSame(
    model.encoder.inputs.map(input => input.unpooled),
    [undefined],
    'most models pool all tokens',
  );
  const cut = { model: 'apart', input: 'a', truncate_prompt_tokens: 4, truncation_side: 'left' };
  t.match(await post('/v1/embeddings', cut), {
    status: 400,
    body: { error: { message: /cut on the left/ } },
  });
});

t.test('a task chooses an adapter, and its instruction where no prompt is asked for', async t => {
  const ask = async (fields: object): Promise<(string | number | undefined)[]> => {
    const texts = await read('/v1/embeddings', { input: 'a', ...fields }, adapted);
    return [...texts, adapted.encoder.inputs[0]!.task ?? 0];
  };
  t.strictSame(await ask({}), ['the a', 0]);
  t.strictSame(await ask({ task: '' }), ['the a', 0]);
  t.strictSame(await ask({ task: 'retrieval.query' }), ['the a', 1]);
  t.strictSame(await ask({ task: 'separation' }), ['a', 2]);
  t.strictSame(await ask({ task: 'separation', prompt_name: 'query' }), ['the a', 2]);
  t.strictSame(await ask({ task: 'retrieval.query', prompt: 'b ' }), ['b a', 1]);
  t.strictSame(await ask({ task: 'separation', input: [adapted.tokenizer.id('a')!] }), ['a', 2]);
  for (const [of, message] of [
    [adapted, 'task must be one of the model\'s: "retrieval.query", "separation"'],
    [bare, /^task is not supported by this model/],
  ] as const)
    t.match(await post('/v1/embeddings', { model: of.id, input: 'a', task: 'query' }), {
      status: 400,
      body: { error: { param: 'task', message } },
    });
});
