import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { conventionsOf, type CallConventions } from '#chat/calls/conventions.js';
import { FORMATS } from '#chat/calls/format.js';
import type { ChatMessage } from '#chat/messages.js';
import { CallReader } from '#chat/output.js';
import { createChatTemplate, type ChatTemplate } from '#chat/template.js';
import type { FunctionTool } from '#chat/tools.js';
import { FAMILY_TEMPLATES } from '#test/support/family-templates.js';
import { letterTokenizer } from '#test/support/letter-tokenizer.js';
import { readPieces } from '#test/support/read-pieces.js';
import { runs } from '#test/support/property-runs.js';

const caller = { client: '', signal: new AbortController().signal };

interface Call {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

const name = fc
  .stringMatching(/^[a-z][a-z0-9_]{0,8}$/)
  .filter(word => !/^(?:true|false|null|call)$/.test(word));
const text = fc.oneof(
  fc.string(),
  fc.constantFrom(
    '',
    ' ',
    '\n',
    'a\n',
    '</tool_call>',
    '}"]',
    "it's",
    '[TOOL_CALLS]',
    '{"a": 1}',
    '1',
    'true',
  ),
);
const scalar = fc.oneof(fc.boolean(), fc.integer(), fc.constant(null), fc.constantFrom(0.5, -1e-7, 1e21));
const value = fc.oneof(text, scalar, fc.array(scalar), fc.dictionary(name, fc.oneof(text, scalar)));
const call: fc.Arbitrary<Call> = fc.record({
  name,
  arguments: fc.dictionary(name, value, { maxKeys: 3, noNullPrototype: true }),
});

/** Tools that tell which of the arguments are texts. */
const toolsOf = (calls: readonly Call[]): FunctionTool[] =>
  calls.map(({ name, arguments: values }) => ({
    type: 'function',
    function: {
      name,
      parameters: {
        type: 'object',
        properties: Object.fromEntries(
          Object.entries(values).map(([key, value]) => [
            key,
            typeof value === 'string' ? { type: 'string' } : {},
          ]),
        ),
      },
    },
  }));

const messagesOf = (content: string, calls: readonly Call[], newId: () => string): ChatMessage[] => {
  const ids = calls.map(newId);
  return [
    { role: 'user', content: 'Hi' },
    {
      role: 'assistant',
      content,
      tool_calls: calls.map((call, i) => ({ id: ids[i]!, type: 'function', function: call })),
    },
    ...ids.map((id): ChatMessage => ({ role: 'tool', content: 'ok', tool_call_id: id })),
  ];
};

/** The text that a model of this template writes for calls. */
async function written(
  template: ChatTemplate,
  { fit }: CallConventions,
  calls: readonly Call[],
): Promise<string> {
  const render = (messages: readonly ChatMessage[]): string | Promise<string> =>
    template.render({ ...fit(messages, toolsOf(calls)), addGenerationPrompt: false }, caller);
  const before = await render([{ role: 'user', content: 'Hi' }]);
  const whole = await render(messagesOf('', calls, () => '123456789').slice(0, 2));
  return whole.slice(before.length + '<|assistant|>'.length, -'<|end|>'.length);
}

for (const [family, { source, format, single, shortIds, unwritable }] of Object.entries(FAMILY_TEMPLATES))
  t.test(family, async t => {
    const template: ChatTemplate = createChatTemplate(source, {}, letterTokenizer);
    const conventions = await conventionsOf(template, letterTokenizer, caller);
    if (format !== undefined) t.equal(conventions.format, FORMATS[format]);
    t.equal(conventions.most, single ? 1 : Infinity);
    t.match(conventions.newId(), shortIds ? /^[a-zA-Z0-9]{9}$/ : /^call_[\da-f]{24}$/);
    const calls = fc
      .uniqueArray(call, { minLength: 1, maxLength: single ? 1 : 3, selector: ({ name }) => name })
      .filter(calls => !unwritable?.test(JSON.stringify(calls)));
    await fc.assert(
      fc.asyncProperty(
        calls,
        fc.boolean(),
        fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
        async (calls, prose, cuts) => {
          const output =
            (prose && !conventions.format.bare ? 'Well: ' : '') +
            (await written(template, conventions, calls));
          const tools = toolsOf(calls);
          const whole = readPieces(new CallReader(conventions.format, { tools }), [output]);
          assert.deepEqual(
            whole.calls.map(({ name, arguments: text }) => ({
              name,
              arguments: JSON.parse(text) as unknown,
            })),
            JSON.parse(JSON.stringify(calls)),
            output,
          );
          const streamed = readPieces(new CallReader(conventions.format, { tools }), cut(output, cuts));
          assert.deepEqual(streamed, whole, output);
          for (let end = 0; end < output.length; end += 7) {
            const { text, calls } = readPieces(new CallReader(conventions.format, { tools }), [
              output.slice(0, end),
            ]);
            assert.ok(calls.length > 0 || text.trim() === output.slice(0, end).trim(), output.slice(0, end));
          }
          for (const id of [conventions.newId, () => 'call_of_another_model'])
            await template.render(conventions.fit(messagesOf(whole.text, calls, id), tools), caller);
        },
      ),
      runs(30),
    );
  });

t.test('special tokens that are a part of calls are spelled, and no others', async t => {
  const special = ['<|assistant|>', '<|end|>', '<tool_call>', '</tool_call>', '<unused>'];
  const tokenizer = {
    ...letterTokenizer,
    specialIds: new Set(special.keys()),
    token: (id: number) => special[id],
  };
  const template: ChatTemplate = createChatTemplate(FAMILY_TEMPLATES.hermes!.source, {}, tokenizer);
  const { spelledIds } = await conventionsOf(template, tokenizer, caller);
  t.strictSame([...spelledIds], [2, 3]);
});

function cut(text: string, lengths: Iterable<number>): string[] {
  const pieces: string[] = [];
  let at = 0;
  for (const length of lengths) {
    if (at >= text.length) break;
    pieces.push(text.slice(at, at + length));
    at += length;
  }
  return pieces;
}
