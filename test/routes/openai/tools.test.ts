import OpenAI from 'openai';
import t from 'tap';
import { createChatTemplate } from '#chat/template.js';
import { loadGeneration } from '#registry/load-generation.js';
import { Registry } from '#registry/registry.js';
import { Environment } from '#runtime/index.js';
import { FAMILY_TEMPLATES } from '#test/support/family-templates.js';
import { startServer } from '#test/support/http-server.js';
import { randomLlama } from '#test/support/random-llama.js';

const PLAIN =
  '{% for m in messages %}{% if m.role == "system" %}{{ raise_exception("no system") }}{% endif %}{{ m.role }}: {{ m.content }}\n{% endfor %}';

const llama = await loadGeneration(
  new Environment(),
  await randomLlama(t, { max_position_embeddings: 4096 }),
  { id: 'llama', slots: 4 },
);
const withTemplate = (id: string, source: string): typeof llama => ({
  ...llama,
  id,
  chat: createChatTemplate(source, {}, llama.tokenizer),
});
const families = ['llama3', 'mistral, a list', 'hermes'];
const { url } = await startServer(t, {
  registry: new Registry([
    ...families.map(family => withTemplate(family, FAMILY_TEMPLATES[family]!.source)),
    withTemplate('plain', PLAIN),
  ]),
});
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });

const parameters = {
  type: 'object',
  properties: { a: { enum: ['x', 'y'] } },
  required: ['a'],
  additionalProperties: false,
};
const tools = ['f', 'g'].map(name => ({ type: 'function' as const, function: { name, parameters } }));
const hi = { role: 'user', content: 'hi' } as const;
const named = { type: 'function', function: { name: 'f' } } as const;

t.test('what is handed out is taken back, whole and streamed, through both APIs', async t => {
  for (const model of [...families, 'plain'])
    for (const tool_choice of ['required', named] as const) {
      const body = { model, tools, tool_choice, messages: [hi], max_tokens: 300, seed: 5 };
      const { choices } = await client.chat.completions.create(body);
      const { message, finish_reason } = choices[0]!;
      t.equal(finish_reason, tool_choice === 'required' ? 'tool_calls' : 'stop', model);
      const streamed = await client.chat.completions.stream(body).finalMessage();
      const said = (calls: typeof message.tool_calls): unknown[] =>
        calls!.map(call => call.type === 'function' && [call.function.name, call.function.arguments]);
      t.strictSame(said(streamed.tool_calls), said(message.tool_calls), model);
      if (model === 'llama3') t.equal(message.tool_calls!.length, 1);
      const results = message.tool_calls!.map(({ id }) => {
        t.match(id, model.startsWith('mistral') ? /^\w{9}$/ : /^call_/);
        return { role: 'tool' as const, tool_call_id: id, content: 'ok' };
      });
      const next = await client.chat.completions.create({
        ...body,
        tool_choice: 'none',
        max_tokens: 1,
        messages: [hi, message, ...results],
      });
      t.equal(next.usage!.completion_tokens, 1);

      const response = await client.responses.create({
        model,
        input: 'hi',
        tools: tools.map(tool => ({ ...tool.function, type: 'function' as const, strict: null })),
        tool_choice: tool_choice === 'required' ? tool_choice : { type: 'function', name: 'f' },
        max_output_tokens: 300,
      });
      t.equal(response.status, 'completed');
      const outputs = response.output.flatMap(item =>
        item.type === 'function_call'
          ? [{ type: 'function_call_output' as const, call_id: item.call_id, output: 'ok' }]
          : [],
      );
      t.ok(outputs.length > 0);
      await client.responses.create({
        model,
        input: [hi, ...(response.output as OpenAI.Responses.ResponseInputItem[]), ...outputs],
        max_output_tokens: 1,
      });
    }
});

t.test('a forced call that cannot be whole is left out, and told as cut', async t => {
  for (const tool_choice of ['required', named] as const) {
    const body = { model: 'hermes', tools, tool_choice, messages: [hi], max_tokens: 1 };
    const { choices } = await client.chat.completions.create(body);
    t.match(choices[0], { finish_reason: 'length', message: { content: '', tool_calls: undefined } });
    const chunks = [];
    for await (const { choices } of await client.chat.completions.create({ ...body, stream: true }))
      chunks.push(choices[0]!);
    t.equal(chunks.at(-1)!.finish_reason, 'length');
    t.notOk(chunks.some(({ delta }) => delta.tool_calls));
    const response = await client.responses.create({
      model: 'hermes',
      input: 'hi',
      tools: tools.map(tool => ({ ...tool.function, type: 'function' as const, strict: null })),
      tool_choice: tool_choice === 'required' ? tool_choice : { type: 'function', name: 'f' },
      max_output_tokens: 1,
    });
    t.match([response.status, response.output.map(({ type }) => type)], ['incomplete', ['message']]);
  }
});

t.test('calls that end because no further one has room are whole', async t => {
  for (let seed = 0; seed < 5; seed++) {
    const { choices } = await client.chat.completions.create({
      model: 'hermes',
      tools,
      tool_choice: 'required',
      messages: [hi],
      max_tokens: 160,
      seed,
    });
    t.equal(choices[0]!.finish_reason, 'tool_calls');
    for (const call of choices[0]!.message.tool_calls!)
      t.match(JSON.parse(call.type === 'function' ? call.function.arguments : ''), { a: /^[xy]$/ });
  }
});

t.test('a template without tools: they are told', async t => {
  const tokens = async (tools: OpenAI.ChatCompletionTool[]): Promise<number> => {
    const { usage } = await client.chat.completions.create({
      model: 'plain',
      messages: [hi],
      tools,
      max_tokens: 1,
    });
    return usage!.prompt_tokens;
  };
  t.ok((await tokens(tools)) > (await tokens(tools.slice(1))));
});

t.test('arguments of earlier turns never end the conversation', async t => {
  for (const text of ['', 'null', '{"a": "hello wor', '"{\\"a\\": 1}"', '[1]', 'hello', '{"a": ', "{'a'"]) {
    const call = { id: 'call_1', type: 'function' as const, function: { name: 'f', arguments: text } };
    const result = { role: 'tool' as const, tool_call_id: 'call_1', content: 'ok' };
    for (const model of [...families, 'plain']) {
      await client.chat.completions.create({
        model,
        max_tokens: 1,
        messages: [hi, { role: 'assistant', content: null, tool_calls: [call] }, result],
      });
      await client.responses.create({
        model,
        max_output_tokens: 16,
        input: [
          hi,
          { type: 'function_call', call_id: 'call_1', name: 'f', arguments: text },
          { type: 'function_call_output', call_id: 'call_1', output: 'ok' },
        ],
      });
    }
  }
  t.pass('all were answered');
});
