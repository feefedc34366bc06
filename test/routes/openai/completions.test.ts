import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import OpenAI from 'openai';
import t from 'tap';
import fc from 'fast-check';
import { delta, silence, untilAborted } from '#test/support/fake-engine.js';
import { eventData, eventually, startServer } from '#test/support/http-server.js';
import { KvasirError } from '#errors.js';
import { runs } from '#test/support/property-runs.js';

/** The fake engine finds nothing in its cache. */
const UNCACHED = { prompt_tokens_details: { cached_tokens: 0 } };

const { app, engine, port, url } = await startServer(t);
t.beforeEach(() => engine.reset());

const post = (body: unknown, signal?: AbortSignal): Promise<Response> =>
  fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });

interface Answer {
  choices: {
    index: number;
    text: string;
    finish_reason: string | null;
    logprobs: Record<string, unknown[]> | null;
  }[];
  usage: Record<string, number>;
  error: { message: string; type: string; param: string | null; code: string | null };
}

const complete = async (body: object): Promise<Answer> =>
  (await (await post({ model: 'letters', ...body })).json()) as Answer;

t.test('the openai client: a completion', async t => {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none' });
  const completion = await client.completions.create({ model: 'letters', prompt: 'abc', max_tokens: 3 });
  t.match(completion, {
    id: /^cmpl-/,
    object: 'text_completion',
    created: Number,
    model: 'letters',
    choices: [{ index: 0, text: 'def', logprobs: null, finish_reason: 'length' }],
    usage: { prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 },
  });
});

t.test('the openai client: a stream with usage', async t => {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none' });
  const stream = await client.completions.create({
    model: 'letters',
    prompt: 'abc',
    max_tokens: 4,
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  t.equal(chunks.map(chunk => chunk.choices[0]?.text ?? '').join(''), 'defg');
  t.strictSame(
    chunks.map(chunk => chunk.choices[0]?.finish_reason),
    [null, null, null, 'length', undefined],
  );
  t.strictSame(
    chunks.map(chunk => chunk.usage),
    [null, null, null, null, { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7, ...UNCACHED }],
  );
  t.equal(new Set(chunks.map(chunk => chunk.id)).size, 1);
});

t.test('the openai client: errors', async t => {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
  await t.rejects(client.completions.create({ model: 'nobody', prompt: 'a' }), {
    status: 404,
    code: 'model_not_found',
    param: 'model',
    requestID: String,
  });
  await t.rejects(client.completions.create({ model: 'letters', prompt: 'a', temperature: 101 }), {
    status: 400,
    message: '400 temperature must be <= 100',
    param: 'temperature',
    type: 'invalid_request_error',
  });
  engine.script = async function* () {
    yield delta('a');
    throw new KvasirError('runtime_failure', '/secret/model.onnx broke');
  };
  const stream = await client.completions.create({ model: 'letters', prompt: 'a', stream: true });
  await t.rejects(
    async () => {
      for await (const chunk of stream) t.equal(chunk.choices[0]?.text, 'a');
    },
    { code: 'runtime_failure', type: 'server_error' },
  );
});

t.test('a stream ends with [DONE], has no usage unless asked, and one chunk for each event', async t => {
  const response = await post({ model: 'letters', prompt: 'a', max_tokens: 2, stream: true });
  t.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  const data = eventData(await response.text());
  t.equal(data.length, 3);
  t.equal(data.pop(), '[DONE]');
  t.strictSame(
    data.map(event => {
      const { choices, ...head } = JSON.parse(event) as Answer;
      t.notOk('usage' in head);
      return choices;
    }),
    [
      [{ index: 0, text: 'b', logprobs: null, finish_reason: null }],
      [{ index: 0, text: 'c', logprobs: null, finish_reason: 'length' }],
    ],
  );
});

t.test('an error in mid-stream is an event, and does not say what broke', async t => {
  engine.script = async function* () {
    yield delta('a');
    throw new Error('/secret/path');
  };
  const text = await (await post({ model: 'letters', prompt: 'a', stream: true })).text();
  const data = eventData(text);
  t.match(JSON.parse(data[1]!), { error: { type: 'server_error', code: 'internal_error', param: null } });
  t.equal(data[2], '[DONE]');
  t.notMatch(text, /secret/);
});

t.test('prompts: texts and ids, alone and in lists', async t => {
  for (const [prompt, ids] of [
    ['ab', [[0, 1]]],
    [
      ['ab', 'c'],
      [[0, 1], [2]],
    ],
    [[4, 5], [[4, 5]]],
    [
      [[4, 5], [6]],
      [[4, 5], [6]],
    ],
    ['', [[27]]],
    [null, [[27]]],
  ] as const) {
    engine.requests.length = 0;
    await complete({ prompt, max_tokens: 1 });
    t.strictSame(
      engine.requests.map(request => request.promptIds),
      ids,
      JSON.stringify(prompt),
    );
  }
});

t.test(
  'several prompts and n: prompts first, each counted once, each choice with a seed of its own',
  async t => {
    const { choices, usage } = await complete({ prompt: ['a', 'hi'], n: 2, max_tokens: 2, seed: 0 });
    t.strictSame(
      choices.map(({ index, text }) => [index, text]),
      [
        [0, 'bc'],
        [1, 'cd'],
        [2, 'jk'],
        [3, 'kl'],
      ],
    );
    t.strictSame(usage, { prompt_tokens: 3, completion_tokens: 8, total_tokens: 11, ...UNCACHED });
    t.strictSame(
      engine.requests.map(request => request.sampling.seed),
      [0, 1, 0, 1],
    );
    t.equal(new Set(engine.requests.map(request => request.id)).size, 4);
  },
);

t.test('several choices stream side by side', async t => {
  const response = await post({
    model: 'letters',
    prompt: ['a', 'k'],
    max_tokens: 3,
    stream: true,
    stream_options: { include_usage: true },
  });
  const texts = ['', ''];
  const data = eventData(await response.text());
  t.equal(data.pop(), '[DONE]');
  t.match(JSON.parse(data.pop()!), { choices: [], usage: { prompt_tokens: 2, completion_tokens: 6 } });
  const order = data.map(event => {
    const { index, text } = (JSON.parse(event) as Answer).choices[0]!;
    texts[index] += text;
    return index;
  });
  t.strictSame(texts, ['bcd', 'lmn']);
  t.strictSame(order, [0, 1, 0, 1, 0, 1]);
});

t.test('logprobs and echo', async t => {
  const logprobs = async (body: object): Promise<unknown> =>
    (await complete({ prompt: 'xy', max_tokens: 2, ...body })).choices[0];

  t.match(await logprobs({ logprobs: 2 }), {
    text: 'za',
    logprobs: {
      tokens: ['z', 'a'],
      token_logprobs: [-0.25, -0.5],
      top_logprobs: [
        { z: -0.25, a: -1.25 },
        { a: -0.5, b: -1.5 },
      ],
      text_offset: [0, 1],
    },
  });
  t.match(await logprobs({ logprobs: 0 }), {
    logprobs: { top_logprobs: [{ z: -0.25 }, { a: -0.5 }] },
  });
  t.match(await logprobs({ echo: true }), { text: 'xyza', logprobs: null });
  const scored = {
    text: 'xyza',
    logprobs: {
      tokens: ['x', 'y', 'z', 'a'],
      token_logprobs: [null, -0.5, -0.25, -0.5],
      top_logprobs: [null, { y: -0.5 }, { z: -0.25 }, { a: -0.5 }],
      text_offset: [0, 1, 2, 3],
    },
  };
  t.match(await logprobs({ echo: true, logprobs: 1 }), scored);
  t.match(
    await logprobs({ echo: true, logprobs: 1, prompt: [23, 24] }),
    scored,
    'a prompt of ids is echoed as text',
  );

  const { choices, usage } = await complete({ prompt: 'xy', echo: true, max_tokens: 0, logprobs: 1 });
  t.match(choices, [
    { text: 'xy', finish_reason: 'length', logprobs: { tokens: ['x', 'y'], token_logprobs: [null, -0.5] } },
  ]);
  t.strictSame(usage, { prompt_tokens: 2, completion_tokens: 0, total_tokens: 2, ...UNCACHED });

  const streamed = await post({
    model: 'letters',
    prompt: 'xy',
    max_tokens: 2,
    echo: true,
    logprobs: 1,
    stream: true,
  });
  t.strictSame(
    eventData(await streamed.text())
      .slice(0, -1)
      .map(event => {
        const { text, logprobs } = (JSON.parse(event) as Answer).choices[0]!;
        return [text, logprobs!.tokens, logprobs!.text_offset];
      }),
    [
      ['xy', ['x', 'y'], [0, 1]],
      ['z', ['z'], [2]],
      ['a', ['a'], [3]],
    ],
  );
});

t.test('best_of gives back the most probable per token, and counts all', async t => {
  const outcomes = [
    { text: 'a', logprob: -3 },
    { text: 'bb', logprob: -1 },
    { text: 'ccc', logprob: -2 },
  ];
  engine.script = async function* ({ sampling }) {
    const { text, logprob } = outcomes[Number(sampling.seed)]!;
    const tokens = [...text].map(() => ({ id: 0, logprobs: { id: 0, logprob, top: [] } }));
    yield { type: 'delta', text, tokens, finishReason: 'stop' };
  };
  const { choices, usage } = await complete({ prompt: 'a', best_of: 3, n: 2, seed: 0 });
  t.strictSame(choices, [
    { index: 0, text: 'bb', logprobs: null, finish_reason: 'stop' },
    { index: 1, text: 'ccc', logprobs: null, finish_reason: 'stop' },
  ]);
  t.equal(usage.completion_tokens, 6);
  t.strictSame(
    engine.requests.map(request => request.logprobs),
    [0, 0, 0],
  );
});

t.test('null means the default, unknown fields are ignored', async t => {
  const { choices } = await complete({
    prompt: 'a',
    max_tokens: null,
    temperature: null,
    n: null,
    best_of: null,
    stop: null,
    stream: null,
    stream_options: null,
    suffix: null,
    logit_bias: null,
    seed: null,
    user: null,
    no_such_field: { a: 1 },
  });
  t.equal(choices[0]!.text.length, 16);
  t.match(engine.requests[0], {
    sampling: { temperature: 1, topK: 0, topP: 1, seed: undefined },
    stop: { maxTokens: 16, minTokens: 0, stopStrings: [], stopTokenIds: new Set([27]) },
    logprobs: undefined,
    promptLogprobs: undefined,
  });
});

t.test('what is refused, and how', async t => {
  const cases: [body: object, status: number, param: string | null, message: RegExp][] = [
    [{ model: 5 }, 400, 'model', /^model must be a string or null$/],
    [
      { prompt: 5 },
      400,
      'prompt',
      /^prompt must be a string, a list of strings, a list of token ids, a list of lists of token ids or null$/,
    ],
    [{ prompt: [] }, 400, 'prompt', /^prompt must have at least 1 item$/],
    [{ prompt: [5, 'a'] }, 400, 'prompt[1]', /^prompt\[1\] must be a token id$/],
    [{ prompt: [-1] }, 400, 'prompt[0]', /^prompt\[0\] must be >= 0$/],
    [{ max_tokens: 1.5 }, 400, 'max_tokens', /^max_tokens must be an integer or null$/],
    [{ max_tokens: '5' }, 400, 'max_tokens', /^max_tokens must be an integer or null$/],
    [{ max_tokens: 0 }, 400, 'max_tokens', /^max_tokens must be >= 1 unless echo is true$/],
    [{ temperature: -0.1 }, 400, 'temperature', /^temperature must be >= 0$/],
    [{ top_p: -0.1 }, 400, 'top_p', /^top_p must be >= 0$/],
    [{ logprobs: 21 }, 400, 'logprobs', /^logprobs must be <= 20$/],
    [{ stop: ['a', 5] }, 400, 'stop[1]', /^stop\[1\] must be a string$/],
    [{ stop: 5 }, 400, 'stop', /^stop must be a string, a list of strings or null$/],
    [{ stop: '' }, 400, 'stop', /^stop must have at least 1 character$/],
    [{ stop: Array(17).fill('a') }, 400, 'stop', /^stop must have at most 16 items$/],
    [{ logit_bias: { 5: 101 } }, 400, 'logit_bias[5]', /^logit_bias\[5\] must be <= 100$/],
    [{ logit_bias: { x: 1 } }, 400, 'logit_bias', /"x".*token ids from 0 to 27/],
    [{ logit_bias: { 28: 1 } }, 400, 'logit_bias', /"28".*token ids from 0 to 27/],
    [{ suffix: 'end' }, 400, 'suffix', /not supported/],
    [{ n: 0 }, 400, 'n', /^n must be >= 1$/],
    [{ n: 3, best_of: 2 }, 400, 'best_of', /^best_of must be >= n/],
    [{ best_of: 2, stream: true }, 400, 'best_of', /stream/],
    [{ stream_options: {} }, 400, 'stream_options', /only where stream is true$/],
    [{ min_tokens: 5, max_tokens: 4 }, 400, 'min_tokens', /^min_tokens must be <= 4/],
    [{ prompt: Array(9).fill('a'), n: 128 }, 400, 'prompt', /more than the 1024 texts/],
    [{ model: 'nobody' }, 404, 'model', /"nobody".*letters/],
    [{ prompt: 'a'.repeat(64) }, 400, 'prompt', /has 64 tokens/],
  ];
  for (const [fields, status, param, message] of cases) {
    for (const stream of 'stream' in fields || 'stream_options' in fields ? [{}] : [{}, { stream: true }]) {
      const response = await post({ model: 'letters', prompt: 'a', ...stream, ...fields });
      const { error } = (await response.json()) as Answer;
      const name = JSON.stringify(fields).slice(0, 80);
      t.equal(response.status, status, name);
      t.match(error, { message, param, type: 'invalid_request_error', code: String }, name);
    }
  }
  t.equal(engine.running.size, 0);
});

t.test('a full queue refuses the whole request', async t => {
  engine.capacity = 2;
  engine.script = silence;
  for (const stream of [false, true]) {
    const response = await post({ model: 'letters', prompt: 'a', n: 3, stream });
    t.equal(response.status, 429);
    t.equal(response.headers.get('retry-after'), '1');
    t.match(await response.json(), { error: { code: 'queue_full', type: 'rate_limit_error' } });
    t.equal(engine.running.size, 0, 'those that had begun were cancelled');
  }
});

t.test('one sequence that fails takes the request with it', async t => {
  engine.script = async function* (request, signal) {
    if (request.id.endsWith('-1')) throw new KvasirError('runtime_failure', '/secret');
    yield* silence(request, signal);
  };
  const response = await post({ model: 'letters', prompt: 'a', n: 3 });
  t.equal(response.status, 500);
  t.notMatch(await response.text(), /secret/);
  t.equal(engine.running.size, 0);
});

t.test('a client that leaves frees its sequences at once', async t => {
  engine.script = async function* (_request, signal) {
    yield delta('a');
    await untilAborted(signal);
  };
  for (const stream of [false, true]) {
    const leave = new AbortController();
    const answer = post({ model: 'letters', prompt: 'a', n: 2, stream }, leave.signal);
    if (stream) await answer;
    else await eventually(() => engine.running.size === 2);
    leave.abort();
    await t.rejects(
      answer.then(response => response.text()),
      { name: 'AbortError' },
    );
    await eventually(() => engine.running.size === 0);
    t.equal(engine.cancelled.splice(0).length, 2);
  }
});

t.test('the sequences are aborted in the same turn of the event loop as the connection closes', async t => {
  engine.script = silence;
  const accepted = once(app.server, 'connection');
  const socket = connect(port, '127.0.0.1');
  const body = JSON.stringify({ model: 'letters', prompt: 'a', n: 3 });
  socket.write(
    `POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  const [serverSide] = (await accepted) as [Socket];
  await eventually(() => engine.running.size === 3);
  socket.destroy();
  await once(serverSide, 'close');
  t.equal(engine.running.size, 0);
});

t.test('more tokens than any context holds end with the context', async t => {
  const { choices, usage } = await complete({ prompt: 'abc', max_tokens: 1e308 });
  t.equal(choices[0]?.finish_reason, 'length');
  t.equal(usage.total_tokens, engine.contextLength);
});

t.test('whatever the body is, the answer is 2xx or 4xx in the right shape', async t => {
  const fields = [
    ...[
      'model',
      'prompt',
      'max_tokens',
      'n',
      'best_of',
      'logprobs',
      'echo',
      'suffix',
      'stream',
      'stream_options',
    ],
    ...[
      'temperature',
      'top_p',
      'presence_penalty',
      'frequency_penalty',
      'logit_bias',
      'seed',
      'stop',
      'user',
    ],
    ...['top_k', 'min_p', 'repetition_penalty', 'min_tokens', 'ignore_eos', 'stop_token_ids'],
  ];
  const value = fc.oneof(
    fc.constantFrom<unknown>(
      null,
      true,
      false,
      0,
      1,
      -1,
      2,
      0.5,
      1e308,
      '',
      'abc',
      [],
      {},
      [[]],
      [0, 1],
      ['a', 'b'],
    ),
    fc.integer({ min: -200, max: 200 }),
    fc.jsonValue({ maxDepth: 3 }),
  );
  const bodies = fc
    .dictionary(fc.constantFrom(...fields), value, { maxKeys: 5 })
    .map(mutations => ({ model: 'letters', prompt: 'abc', max_tokens: 2, ...mutations }));
  await fc.assert(
    fc.asyncProperty(
      fc.oneof({ weight: 9, arbitrary: bodies }, { weight: 1, arbitrary: fc.jsonValue() }),
      async body => {
        const { statusCode, payload } = await app.inject({
          method: 'POST',
          url: '/v1/completions',
          headers: { 'content-type': 'application/json' },
          payload: JSON.stringify(body),
        });
        if (statusCode === 200) return true;
        const { error } = JSON.parse(payload) as Answer;
        return statusCode >= 400 && statusCode < 500 && error.message !== '' && error.code !== null;
      },
    ),
    runs(500),
  );
  t.equal(engine.running.size, 0);
});
