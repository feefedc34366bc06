import OpenAI from 'openai';
import t from 'tap';
import { createChatTemplate } from '#chat/template.js';
import { loadGeneration } from '#registry/load-generation.js';
import { Registry } from '#registry/registry.js';
import { Environment } from '#runtime/index.js';
import { delta, FakeEngine } from '#test/support/fake-engine.js';
import { fakeModel, startServer } from '#test/support/http-server.js';
import { letterTokenizer } from '#test/support/letter-tokenizer.js';
import { randomLlama } from '#test/support/random-llama.js';

const TEMPLATE =
  '{% if tools %}<tool_call>{% endif %}{% for m in messages %}{{ m.role }} {{ m.content }} {% endfor %}{% if add_generation_prompt %}a{% endif %}';

const engine = new FakeEngine();
const chat = createChatTemplate(TEMPLATE, {}, letterTokenizer);
const llama = await loadGeneration(
  new Environment(),
  await randomLlama(t, { max_position_embeddings: 512 }),
  {
    id: 'llama',
    slots: 4,
  },
);
const registry = new Registry([
  { ...fakeModel('letters', engine), chat },
  { ...llama, chat: createChatTemplate(TEMPLATE, {}, llama.tokenizer) },
  fakeModel('bare'),
]);
const { url } = await startServer(t, { registry });
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
t.beforeEach(() => engine.reset());

const hi = [{ role: 'user', content: 'hi' }] as const;
const tools: OpenAI.ChatCompletionTool[] = [
  {
    type: 'function',
    function: {
      name: 'f',
      parameters: {
        type: 'object',
        properties: { n: { type: 'integer', minimum: 0, maximum: 9 } },
        required: ['n'],
        additionalProperties: false,
      },
    },
  },
];

t.test('a message, with log-probabilities and several choices', async t => {
  const { choices, usage } = await client.chat.completions.create({
    model: 'letters',
    messages: [...hi],
    max_completion_tokens: 2,
    logprobs: true,
    top_logprobs: 1,
    n: 2,
    seed: 0,
  });
  t.match(choices, [
    {
      message: { role: 'assistant', content: 'bc' },
      finish_reason: 'length',
      logprobs: {
        content: [
          { token: 'b', logprob: -0.25, bytes: [98], top_logprobs: [{ token: 'b' }] },
          { token: 'c' },
        ],
      },
    },
    { index: 1, message: { content: 'cd' } },
  ]);
  t.equal(usage!.completion_tokens, 4);
  t.equal(engine.requests[0]!.promptIds.length, 'user hi a'.length);
});

t.test('a stream: role, contents, reason, usage', async t => {
  const stream = await client.chat.completions.create({
    model: 'letters',
    messages: [...hi],
    max_tokens: 2,
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  t.match(
    chunks.map(chunk => chunk.choices[0]?.delta),
    [{ role: 'assistant', content: '' }, { content: 'b' }, { content: 'c' }, {}, undefined],
  );
  t.equal(chunks[3]!.choices[0]!.finish_reason, 'length');
  t.equal(chunks[4]!.usage!.completion_tokens, 2);
});

t.test('calls of tools, whole and streamed', async t => {
  engine.script = async function* () {
    yield delta('ok <tool_');
    yield delta('call>{"name": "f", "argu');
    yield delta('ments": {"n": 1}}</tool_call>', 'stop');
  };
  const { choices } = await client.chat.completions.create({ model: 'letters', messages: [...hi], tools });
  t.match(choices[0], {
    message: {
      content: 'ok ',
      tool_calls: [{ type: 'function', function: { name: 'f', arguments: '{"n": 1}' } }],
    },
    finish_reason: 'tool_calls',
  });
  const final = await client.chat.completions
    .stream({ model: 'letters', messages: [...hi], tools })
    .finalMessage();
  t.match(final.tool_calls, [{ function: { name: 'f', arguments: '{"n": 1}' } }]);
});

t.test('the Responses API, whole and streamed', async t => {
  const response = await client.responses.create({ model: 'letters', input: 'hi', max_output_tokens: 3 });
  t.equal(response.output_text, 'bcd');
  t.equal(response.status, 'incomplete');
  const types: string[] = [];
  let text = '';
  const stream = await client.responses.create({
    model: 'letters',
    input: [...hi],
    max_output_tokens: 3,
    stream: true,
  });
  for await (const event of stream) {
    types.push(event.type);
    if (event.type === 'response.output_text.delta') text += event.delta;
  }
  t.equal(text, 'bcd');
  t.strictSame([types[0], types.at(-1)], ['response.created', 'response.incomplete']);
  const error: unknown = await client.responses
    .create({ model: 'letters', input: 'hi', previous_response_id: 'x' })
    .catch((thrown: unknown) => thrown);
  t.match(error, { status: 400, param: 'previous_response_id' });
});

t.test('a real engine keeps to a schema, to choices and to a tool', async t => {
  const schema = {
    type: 'object',
    properties: {
      name: { type: 'string', maxLength: 8 },
      age: { type: 'integer', minimum: 0, maximum: 150 },
    },
    required: ['name', 'age'],
    additionalProperties: false,
  };
  for (const seed of [1, 2, 3]) {
    const { choices } = await client.chat.completions.create({
      model: 'llama',
      messages: [...hi],
      seed,
      response_format: { type: 'json_schema', json_schema: { name: 'person', schema, strict: true } },
    });
    const value = JSON.parse(choices[0]!.message.content!) as { name: string; age: number };
    t.equal(choices[0]!.finish_reason, 'stop');
    t.ok([...value.name].length <= 8 && value.age >= 0 && value.age <= 150, choices[0]!.message.content!);
  }
  for (const tool_choice of ['required', { type: 'function', function: { name: 'f' } }] as const) {
    const { choices } = await client.chat.completions.create({
      model: 'llama',
      messages: [...hi],
      tools,
      tool_choice,
      parallel_tool_calls: false,
    });
    const [call] = choices[0]!.message.tool_calls!;
    const { n } = JSON.parse((call as { function: { arguments: string } }).function.arguments) as {
      n: number;
    };
    t.ok(Number.isInteger(n) && n >= 0 && n <= 9);
  }
  const choice = await client.completions.create({
    model: 'llama',
    prompt: 'x',
    max_tokens: 40,
    guided_choice: ['yes', 'no'],
  } as OpenAI.CompletionCreateParamsNonStreaming);
  t.ok(['yes', 'no'].includes(choice.choices[0]!.text));
});

t.test('what is refused, and how', async t => {
  const refused = async (body: object, param: string, message: RegExp): Promise<void> => {
    const request = {
      model: 'letters',
      messages: [...hi],
      ...body,
    } as OpenAI.ChatCompletionCreateParamsNonStreaming;
    await t.rejects(client.chat.completions.create(request), { status: 400, param, message });
  };
  await refused({ model: 'bare' }, 'messages', /no chat template/);
  await refused({ messages: [] }, 'messages', /at least 1 item/);
  await refused(
    { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] },
    'messages[0].content[0].type',
    /text only/,
  );
  await refused({ tool_choice: 'required' }, 'tool_choice', /only with tools/);
  await refused(
    { messages: [{ role: 'user', content: 'a'.repeat(80) }] },
    'messages',
    /context of 64 tokens/,
  );
  const schema = { type: 'object', properties: { a: { not: {} } }, required: ['a'] };
  await refused(
    { response_format: { type: 'json_schema', json_schema: { name: 'x', schema } } },
    'response_format.json_schema.schema',
    /at \/properties\/a\/not: is not supported/,
  );
  await refused(
    {
      tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'array' } } }],
      tool_choice: 'required',
    },
    'tools[0].function.parameters.type',
    /schema of an object/,
  );
  await refused({ guided_regex: 'a', stop: 'b' }, 'stop', /before it is whole/);
});
