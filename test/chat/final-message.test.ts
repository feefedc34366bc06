import fc from 'fast-check';
import t from 'tap';
import { createChatTemplate, type JinjaTemplate } from '#chat/template.js';
import { letterTokenizer } from '#test/support/letter-tokenizer.js';
import { runs } from '#test/support/property-runs.js';

const CHAT = `{% for m in messages %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}`;

const user = { role: 'user', content: 'Hi there, what is the end of im_end?' };
const BEFORE = `<|im_start|>user\n${user.content}<|im_end|>\n<|im_start|>assistant\n`;

const templates = new Map<string, JinjaTemplate>();

function prompt(source: string, content: string, further: object = {}): string {
  const template = templates.get(source) ?? createChatTemplate(source, {}, letterTokenizer);
  templates.set(source, template);
  const messages = [user, { role: 'assistant', content, ...further }];
  return template.render({ messages, continueFinalMessage: true, addGenerationPrompt: false });
}

t.test('the prompt ends with the text, whatever the text is', async () => {
  const markers = '<|im_end|>\n<|im_start|>assistant\n';
  const parts = Array.from(markers, (_, i) => fc.constantFrom(markers.slice(i, i + 5), markers.slice(i)));
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    ...parts,
    fc.constantFrom('', ' ', '\n', 'Hi', user.content),
  );
  fc.assert(
    fc.property(text, content => prompt(CHAT, content) === BEFORE + content),
    runs(300),
  );
});

t.test('templates that trim, and texts with white space', async t => {
  const trim = CHAT.replace('m.content', 'm.content | trim');
  for (const [content, end] of [
    ['Once upon', 'Once upon'],
    ['  Once upon \n', 'Once upon'],
    ['end', 'end'],
    ['', ''],
    [' \n ', ''],
    ['\n', ''],
  ] as const)
    t.equal(prompt(trim, content), BEFORE + end, JSON.stringify(content));
  const right = CHAT.replace('m.content', 'm.content.rstrip()');
  t.equal(prompt(right, ' a '), `${BEFORE} a`);
  t.equal(prompt(right, '\n'), BEFORE);
  const left = CHAT.replace('m.content', 'm.content.lstrip()');
  t.equal(prompt(left, ' a '), `${BEFORE}a `);
});

t.test('what stands before the text in its message stays, and what is behind it goes', async t => {
  const thinking = CHAT.replace(
    '{{ m.content }}',
    '<think>{{ m.reasoning_content }}</think>{{ m.content }}!',
  );
  t.match(prompt(thinking, 'so', { reasoning_content: 'why' }), /<think>why<\/think>so$/);
  const twice = `{{ messages[-1].content | length }}${CHAT}`;
  t.ok(prompt(twice, 'over and over').endsWith('assistant\nover and over'));
  const calls = CHAT.replace('<|im_end|>', '{% for c in m.tool_calls or [] %}CALL{% endfor %}<|im_end|>');
  t.equal(prompt(calls, 'text', { tool_calls: [{}] }), `${BEFORE}text`);
});

t.test('a template that changes the text, or leaves it out, is refused', async t => {
  for (const change of [
    'm.content | lower',
    'm.content | e',
    'm.content | truncate(20)',
    'm.content | tojson(ensure_ascii=true)',
    "m.content.split('</think>')[-1]",
    "'nothing'",
  ])
    t.throws(
      () => prompt(CHAT.replace('m.content', change), 'A <b> of some length</think> and more'),
      { code: 'invalid_request', param: 'continue_final_message' },
      change,
    );
  t.equal(
    prompt(CHAT.replace('m.content', 'm.content | lower'), 'lower already'),
    `${BEFORE}lower already`.replace('Hi there', 'hi there'),
  );
});
