import t from 'tap';
import { conventionsOf } from '#chat/calls/conventions.js';
import { FORMATS } from '#chat/calls/format.js';
import type { ChatMessage } from '#chat/messages.js';
import { createChatTemplate, type ChatTemplate } from '#chat/template.js';
import type { FunctionTool } from '#chat/tools.js';
import { letterTokenizer } from '#test/support/letter-tokenizer.js';

const caller = { client: '', signal: new AbortController().signal };
const tool: FunctionTool = { type: 'function', function: { name: 'f', description: 'It helps.' } };
const conversation: readonly ChatMessage[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Hi' },
  {
    role: 'assistant',
    content: 'So:',
    tool_calls: [
      { id: '1', type: 'function', function: { name: 'f', arguments: { a: 1 } } },
      { id: '2', type: 'function', function: { name: 'g', arguments: {} } },
    ],
  },
  { role: 'tool', content: 'one', tool_call_id: '1' },
  { role: 'tool', content: 'two', tool_call_id: '2' },
  { role: 'user', content: 'Thanks' },
];
const EACH = '{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}';
const CALLS =
  'So:\n<tool_call>\n{"name": "f", "arguments": {"a":1}}\n</tool_call>\n<tool_call>\n{"name": "g", "arguments": {}}\n</tool_call>';
const RESULTS = '<tool_response>\none\n</tool_response>\n<tool_response>\ntwo\n</tool_response>\nThanks';

async function rendered(source: string, tools: readonly FunctionTool[]): Promise<string> {
  const template: ChatTemplate = createChatTemplate(source, {}, letterTokenizer);
  const { fit, format } = await conventionsOf(template, letterTokenizer, caller);
  t.equal(format, FORMATS.hermes);
  return template.render(fit(conversation, tools), caller);
}

t.test('tools, calls and results are text, and roles take turns', async t => {
  const text = await rendered(EACH, [tool]);
  t.match(
    text,
    /^<system>Be brief.\n\nYou may call functions.*\n\{"name":"f","description":"It helps."\}\n/s,
  );
  t.equal(text.slice(text.indexOf('<user>')), `<user>Hi<assistant>${CALLS}<user>${RESULTS}`);
  t.equal(await rendered(EACH, []), `<system>Be brief.<user>Hi<assistant>${CALLS}<user>${RESULTS}`);
});

t.test('where a template takes no system message, the first message begins with it', async t => {
  const refuses = '{% for m in messages if m.role == "system" %}{{ raise_exception("no") }}{% endfor %}';
  const text = await rendered(`${refuses}${EACH}`, [tool]);
  t.match(text, /^<user>Be brief\.\n\nYou may call functions.*\n\nHi<assistant>/s);
});
