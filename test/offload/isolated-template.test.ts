import t from 'tap';
import { createChatTemplate } from '#chat/template.js';
import { keepJsonForms } from '#json-forms.js';
import { IsolatedTemplate } from '#offload/isolated-template.js';
import { WorkerPool } from '#offload/pool.js';
import { Processes } from '#offload/processes.js';
import { letterTokenizer } from '#test/support/letter-tokenizer.js';

const { signal } = new AbortController();
const caller = { client: 'me', signal };
const messages = [{ role: 'user', content: 'hello' }];

const patient = new WorkerPool(new Processes(10_000, 128));
/** Less time than in service: nobody should wait for what never ends. */
const hasty = new WorkerPool(new Processes(300, 128));
const open = (source: string, pool = patient): IsolatedTemplate =>
  new IsolatedTemplate(createChatTemplate(source, { bos_token: '<s>' }, letterTokenizer), pool);

const GREETING = '{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}{% endfor %}';

t.test('renders as it would here', async t => {
  const here = createChatTemplate(GREETING, { bos_token: '<s>' }, letterTokenizer);
  t.equal(await open(GREETING).render({ messages }, caller), here.render({ messages }));
  const tools = open('{% if tools %}{{ tools[0].function.name }}{% endif %}');
  const tool = { type: 'function', function: { name: 'f' } } as const;
  t.equal(await tools.render({ messages, tools: [tool] }, caller), 'f');
  t.equal(tools.toolFormat, createChatTemplate('{{ tools }}', {}, letterTokenizer).toolFormat);
});

t.test('numbers are as they were written, wherever the template is rendered', async t => {
  const text = '{"type":"object","minimum":1.0,"2":1e3,"1":12345678901234567890}';
  const parameters = JSON.parse(text) as Record<string, unknown>;
  keepJsonForms(text, parameters);
  const tools = [{ type: 'function', function: { name: 'f', parameters } }] as const;
  const print = '{{ tools[0].function.parameters | tojson }}';
  const expected = '{"type": "object", "minimum": 1.0, "2": 1000.0, "1": 12345678901234567890}';
  t.equal(await open(print).render({ messages, tools }, caller), expected);
  const long = `{% for i in range(30000) %}{% endfor %}${print}`;
  t.equal(await open(long).render({ messages, tools }, caller), expected);
});

t.test('what a template refuses is told as the same error', async t => {
  const refusing = open("{{ raise_exception('only one message') }}");
  await t.rejects(refusing.render({ messages }, caller), {
    code: 'invalid_request',
    param: 'messages',
    message: /only one message/,
  });
});

const HOSTILE: Readonly<Record<string, string>> = {
  'a loop without end': '{% for i in range(1000000000) %}x{% endfor %}',
  'nested loops': '{% for i in range(10000) %}{% for j in range(10000) %}{{ i * j }}{% endfor %}{% endfor %}',
  'loops that do nothing':
    '{% for i in range(99999) %}{% for j in range(99999) %}{% for k in range(99999) %}{% endfor %}{% endfor %}{% endfor %}',
  'a list that is sorted again and again':
    '{% set l = range(99999) %}{% for i in range(6000) %}{% set m = l | sort %}{% endfor %}',
  'a text that doubles': `{% set n = namespace(s='xxxxxxxxxxxxxxxx') %}${'{% set n.s = n.s + n.s %}'.repeat(40)}{{ n.s }}`,
  'a list that doubles': `{% set n = namespace(s=[1, 2, 3]) %}${'{% set n.s = n.s + n.s %}'.repeat(40)}{{ n.s | length }}`,
  'a long text made a list': `{% set n = namespace(s='xxxxxxxxxxxxxxxx') %}${'{% set n.s = n.s + n.s %}'.repeat(25)}{{ n.s | list | length }}`,
  'lists within lists': `{% set n = namespace(s=[1]) %}${'{% set n.s = [n.s, n.s] %}'.repeat(40)}{{ n.s == n.s }}{{ n.s | tojson }}`,
  'a power': '{{ 9 ** (9 ** 9) }}',
  'a long word that is wrapped': "{{ ('a' * 16000000) | wordwrap(1) }}",
  'a macro that calls itself': '{% macro f(x) %}{{ f(x + 1) }}{% endmacro %}{{ f(1) }}',
};

for (const [name, source] of Object.entries(HOSTILE))
  t.test(`${name} ends its job, and nobody else's`, async t => {
    const hostile = open(source, hasty).render({ messages }, { client: 'hostile', signal });
    const other = open(GREETING).render({ messages }, caller);
    await t.rejects(hostile, { code: 'invalid_request', param: 'messages', message: /chat template/ });
    t.equal(await other, '<s>user: hello');
  });
