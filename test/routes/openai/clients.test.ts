import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { HumanMessage } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';
import { generateObject, generateText, jsonSchema, streamText, tool, type JSONSchema7 } from 'ai';
import t from 'tap';
import { createChatTemplate } from '#chat/template.js';
import { loadGeneration } from '#registry/load-generation.js';
import { generationModel } from '#registry/models.js';
import { Registry } from '#registry/registry.js';
import { Environment } from '#runtime/index.js';
import { delta, FakeEngine, silence } from '#test/support/fake-engine.js';
import { eventually, fakeModel, startServer } from '#test/support/http-server.js';
import { letterTokenizer } from '#test/support/letter-tokenizer.js';
import { randomLlama } from '#test/support/random-llama.js';

const TEMPLATE =
  '{% if tools %}<tool_call>{% endif %}{% for m in messages %}{{ m.role }} {{ m.content }} {% endfor %}a';

const engine = new FakeEngine();
const folder = await randomLlama(t, { max_position_embeddings: 512 });
const llama = await loadGeneration(new Environment(), folder, { id: 'llama', slots: 2 });
const registry = new Registry([
  fakeModel('letters', engine, { chat: createChatTemplate(TEMPLATE, {}, letterTokenizer) }),
  generationModel({ ...llama, chat: createChatTemplate(TEMPLATE, {}, llama.tokenizer) }),
]);
const { url } = await startServer(t, { registry });
t.beforeEach(() => engine.reset());

const SCHEMA = {
  type: 'object',
  properties: {
    color: { type: 'string', enum: ['red', 'blue'] },
    count: { type: 'integer', minimum: 1, maximum: 9 },
  },
  required: ['color', 'count'],
  additionalProperties: false,
} satisfies JSONSchema7;

interface Paint {
  color: string;
  count: number;
}

function isPaint({ color, count }: Paint): boolean {
  return ['red', 'blue'].includes(color) && Number.isInteger(count) && count >= 1 && count <= 9;
}

const callingTool = async function* () {
  yield delta('<tool_call>{"name": "f", "arguments": {"n": 1}}</tool_call>', 'stop');
};

t.test('LangChain: messages, streams, tools, structured output, errors', async t => {
  const langchain = (model: string): ChatOpenAI =>
    new ChatOpenAI({
      model,
      apiKey: 'none',
      maxTokens: 100,
      maxRetries: 0,
      configuration: { baseURL: `${url}/v1` },
    });
  const letters = langchain('letters');
  engine.script = async function* () {
    yield delta('hello ');
    yield delta('there', 'stop');
  };
  t.equal((await letters.invoke([new HumanMessage('hi')])).content, 'hello there');
  let text = '';
  for await (const chunk of await letters.stream('hi')) text += chunk.content as string;
  t.equal(text, 'hello there');

  engine.script = callingTool;
  const called = await letters
    .bindTools([
      { type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } },
    ])
    .invoke('hi');
  t.match(called.tool_calls, [{ name: 'f', args: { n: 1 } }]);

  for (const method of ['jsonSchema', 'functionCalling'] as const) {
    const structured = langchain('llama').withStructuredOutput<Paint & Record<string, unknown>>(
      { title: 'paint', ...SCHEMA },
      { method },
    );
    const paint = await structured.invoke('paint');
    t.ok(isPaint(paint), JSON.stringify(paint));
  }
  const error: unknown = await langchain('nobody')
    .invoke('hi')
    .catch((thrown: unknown) => thrown);
  t.match(error, { status: 404 });
});

t.test("Vercel's ai: texts, streams, tools, objects, abort, errors", async t => {
  const provider = createOpenAICompatible({
    name: 'kvasir',
    baseURL: `${url}/v1`,
    supportsStructuredOutputs: true,
  });
  const letters = provider('letters');
  const answer = await generateText({ model: letters, prompt: 'b', maxOutputTokens: 3 });
  t.match(answer, { text: 'bcd', finishReason: 'length', usage: { outputTokens: 3 } });
  const streamed = streamText({ model: letters, prompt: 'b', maxOutputTokens: 3 });
  t.equal(await streamed.text, 'bcd');

  engine.script = callingTool;
  const { toolCalls } = await generateText({
    model: letters,
    prompt: 'b',
    tools: { f: tool({ inputSchema: jsonSchema({ type: 'object', properties: {} }) }) },
  });
  t.match(toolCalls, [{ toolName: 'f', input: { n: 1 } }]);

  const { object } = await generateObject({
    model: provider('llama'),
    schema: jsonSchema<Paint>(SCHEMA),
    prompt: 'paint',
  });
  t.ok(isPaint(object), JSON.stringify(object));

  engine.script = silence;
  const controller = new AbortController();
  const pending = generateText({
    model: letters,
    prompt: 'b',
    abortSignal: controller.signal,
    maxRetries: 0,
  });
  await eventually(() => engine.running.size === 1);
  controller.abort();
  await t.rejects(pending);
  await eventually(() => engine.running.size === 0);

  const error: unknown = await generateText({ model: provider('nobody'), prompt: 'b', maxRetries: 0 }).catch(
    (thrown: unknown) => thrown,
  );
  t.match(error, { statusCode: 404 });
});
