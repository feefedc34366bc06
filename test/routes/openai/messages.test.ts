import t from 'tap';
import { chatMessages } from '#routes/openai/messages.js';
import { functionTool } from '#routes/openai/tools.js';

t.test('messages keep all fields but those that are null', async t => {
  const asked = {
    role: 'user',
    content: 'hi',
    name: '',
    tool_call_id: null,
    tool_calls: null,
    custom: { a: [1] },
    other: null,
  } as const;
  t.same(chatMessages([asked]), [{ role: 'user', content: 'hi', custom: { a: [1] } }]);
});

t.test('what the assistant thought is there by each name that templates know', async t => {
  for (const name of ['reasoning_content', 'reasoning', 'thinking'])
    t.match(chatMessages([{ role: 'assistant', content: '4', [name]: 'easy' }]), [
      { role: 'assistant', content: '4', reasoning_content: 'easy', thinking: 'easy' },
    ]);
  t.match(chatMessages([{ role: 'assistant', content: '4', reasoning_content: null } as never]), [
    { reasoning_content: undefined, thinking: undefined },
  ]);
});

t.test('a tool has its definition without nulls, and what the client sent', async t => {
  for (const description of ['', 'x', null, undefined])
    for (const parameters of [{}, null, undefined]) {
      const definition = { name: 'f', description: description!, parameters: parameters!, strict: true };
      const source = { type: 'function', function: definition };
      const tool = functionTool(definition, source);
      t.equal(tool.source, source);
      t.equal(tool.function.description, description ?? undefined);
      t.equal(tool.function.parameters, parameters ?? undefined);
    }
});
