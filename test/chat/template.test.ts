import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { createChatTemplate, describeChatTemplate, loadChatTemplate } from '#chat/template.js';
import { letterTokenizer } from '#test/support/letter-tokenizer.js';

const messages = [{ role: 'user', content: 'hi' }];
const tool = { type: 'function', function: { name: 'f' } } as const;

const open = (source: unknown, config = {}) => createChatTemplate(source, config, letterTokenizer);

t.test('what a template is given', async t => {
  const all = '{{ [tools, documents, add_generation_prompt, bos_token, eos_token] }}{{ messages[0] }}';
  t.equal(
    open(all, { bos_token: { content: '<s>' }, eos_token: '</s>' }).render({ messages }),
    "[None, None, True, '<s>', '</s>']{'role': 'user', 'content': 'hi'}",
  );
  t.equal(open('{{ tools is none }}').render({ messages, tools: [] }), 'True');
  t.equal(
    open('{{ tools }}').render({ messages, tools: [tool] }),
    "[{'type': 'function', 'function': {'name': 'f'}}]",
  );
  const variables = { documents: [{ title: 'a' }], bos_token: 'mine', messages: 'not these' };
  t.equal(
    open('{{ documents }}{{ bos_token }}{{ messages | length }}', { bos_token: '<s>' }).render({
      messages,
      variables,
    }),
    "[{'title': 'a'}]mine1",
  );
});

t.test('a tool is as the client sent it, in its order and with all of its fields', async t => {
  const source = {
    function: { strict: true, description: '', name: 'f', parameters: null },
    type: 'function',
  };
  const text = open('{{ tools[0] | tojson }}').render({ messages, tools: [{ ...tool, source }] });
  t.equal(
    text,
    '{"function": {"strict": true, "description": "", "name": "f", "parameters": null}, "type": "function"}',
  );
});

t.test('fields of messages that only some templates know', async t => {
  const thought = [{ role: 'assistant', content: '4', reasoning_content: 'easy', custom: [1] }];
  t.equal(
    open('{{ messages[0].reasoning_content }}{{ messages[0].custom }}').render({ messages: thought }),
    'easy[1]',
  );
});

t.test('templates in a folder', async t => {
  const folder = t.testdir({
    'tokenizer_config.json': JSON.stringify({ bos_token: '<s>' }),
    'chat_template.jinja': 'DEFAULT{{ bos_token }}',
  });
  const render = async (input: object): Promise<string> =>
    (await loadChatTemplate(folder, letterTokenizer))!.render({ messages, ...input });
  t.equal(await render({ tools: [tool] }), 'DEFAULT<s>');
  t.same(await describeChatTemplate(folder), { tools: false });
  mkdirSync(path.join(folder, 'additional_chat_templates'));
  writeFileSync(path.join(folder, 'additional_chat_templates/tool_use.jinja'), 'TOOLUSE{{ tools | tojson }}');
  writeFileSync(path.join(folder, 'additional_chat_templates/rag.jinja'), 'RAG');
  t.equal(await render({ tools: [tool] }), 'TOOLUSE[{"type": "function", "function": {"name": "f"}}]');
  t.equal(await render({}), 'DEFAULT<s>');
  t.same(await describeChatTemplate(folder), { tools: true });
});

t.test('a template that cannot be read names the folder, and one that refuses gives its reason', async t => {
  const folder = t.testdir({ 'chat_template.jinja': '{% if %}' });
  await t.rejects(describeChatTemplate(folder), { code: 'invalid_model', message: folder });
  for (const source of [
    '{{ 1 | nofilter }}',
    '{% do x %}',
    '{{ ( }}',
    '{% for %}',
    `{{ ${'('.repeat(20_000)} }}`,
    `{{ 1${' + 1'.repeat(50_000)} }}`,
  ])
    t.throws(() => open(source), { code: 'invalid_model' }, source.slice(0, 20));
  for (const [source, message] of [
    ["{{ raise_exception('no') }}", /does not take these messages: no$/],
    ['{{ x.y }}', /'x' is undefined/],
    ['{{ messages[0].name + 1 }}', /'dict object' has no attribute 'name'/],
    ["{{ 'a' + 1 }}", /unsupported operand/],
    ['{{ messages.append(1) }}', /unsafe/],
  ] as const)
    t.throws(
      () => open(source).render({ messages }),
      { code: 'invalid_request', param: 'messages', message },
      source,
    );
});
