import type { ToolFormat } from '#chat/tool-format.js';

/** A small chat template that writes calls as a family's own does. */
export interface FamilyTemplate {
  readonly source: string;
  /** The format that is to be found; undefined: one that is learned. */
  readonly format?: ToolFormat;
  /** Whether it takes one call in a message only. */
  readonly single?: boolean;
  /** Whether it takes ids of nine letters and digits only. */
  readonly shortIds?: boolean;
  /** Texts that cannot stand in values. */
  readonly unwritable?: RegExp;
}

const TOOLS = '{% if tools %}<|sys|>{{ tools | tojson }}<|end|>{% endif %}';
const TURN = '{% if add_generation_prompt %}<|assistant|>{% endif %}';

/** A conversation whose messages are written by role, and calls in a form of the family's own. */
const chat = (calls: string, checks = ''): string =>
  `${TOOLS}{% for m in messages %}${checks}<|{{ m.role }}|>` +
  `{% if m.tool_calls %}{{ m.content }}${calls}{% else %}{{ m.content }}{% endif %}<|end|>{% endfor %}${TURN}`;

/** Writes something for each call. */
const each = (call: string, between = ''): string =>
  `{% for c in m.tool_calls %}{% set f = c.function %}${call}{% if not loop.last %}${between}{% endif %}{% endfor %}`;

const object = (key: string, more = ''): string =>
  `{"name": "{{ f.name }}", "${key}": {{ f.arguments | tojson }}${more}}`;

const NINE_CHARACTERS =
  '{% for c in m.tool_calls or [] %}{% if c.id is undefined or c.id | length != 9 %}' +
  '{{ raise_exception("ids have nine characters") }}{% endif %}{% endfor %}' +
  '{% if m.role == "tool" and m.tool_call_id | length != 9 %}{{ raise_exception("ids have nine characters") }}{% endif %}';

const ONE_CALL =
  '{% if m.tool_calls and m.tool_calls | length != 1 %}{{ raise_exception("one call at a time") }}{% endif %}';

const GEMMA_VALUES =
  '{% macro value(v) %}{% if v is string %}<escape>{{ v }}<escape>{% elif v is mapping %}{{ "{" }}' +
  '{% for k in v %}{{ k }}:{{ value(v[k]) }}{% if not loop.last %},{% endif %}{% endfor %}{{ "}" }}' +
  '{% elif v is iterable %}[{% for i in v %}{{ value(i) }}{% if not loop.last %},{% endif %}{% endfor %}]' +
  '{% else %}{{ v | tojson }}{% endif %}{% endmacro %}';

const PARAMETERS =
  '{% for k in f.arguments %}<parameter={{ k }}>\n{% if f.arguments[k] is string %}{{ f.arguments[k] }}' +
  '{% else %}{{ f.arguments[k] | tojson }}{% endif %}{{ "\n" }}</parameter>\n{% endfor %}';

export const FAMILY_TEMPLATES: Readonly<Record<string, FamilyTemplate>> = {
  hermes: {
    source: chat(each(`\n<tool_call>\n${object('arguments')}\n</tool_call>`)),
    format: 'hermes',
  },
  'hermes, under a key': {
    source: chat(each(`<tool_call>{"type": "function", "function": ${object('arguments')}}</tool_call>`)),
    format: 'hermes',
  },
  'qwen3-coder': {
    source: chat(each(`\n<tool_call>\n<function={{ f.name }}>\n${PARAMETERS}</function>\n</tool_call>`)),
    format: 'qwen3-coder',
    unwritable: /<\/?(?:parameter|function)/,
  },
  'mistral, a list': {
    source: chat(
      `[TOOL_CALLS] [${each(object('arguments', ', "id": "{{ c.id }}"'), ', ')}]`,
      NINE_CHARACTERS,
    ),
    format: 'mistral',
    shortIds: true,
  },
  'mistral, names first': {
    source: chat(
      each('[TOOL_CALLS]{{ f.name }}[CALL_ID]{{ c.id }}[ARGS]{{ f.arguments | tojson }}'),
      NINE_CHARACTERS,
    ),
    format: 'mistral',
    shortIds: true,
  },
  llama3: {
    source: chat(each(object('parameters')), ONE_CALL) + '{# <|python_tag|> #}',
    format: 'llama3',
    single: true,
  },
  pythonic: {
    source: chat(
      `[${each('{{ f.name }}({% for k in f.arguments %}{{ k }}={{ f.arguments[k] | tojson }}{% if not loop.last %}, {% endif %}{% endfor %})', ', ')}]`,
    ),
    format: 'pythonic',
  },
  granite: { source: chat(`<|tool_call|>[${each(object('arguments'), ', ')}]`), format: 'granite' },
  'phi-4': { source: chat(`<|tool_call|>[${each(object('arguments'), ',')}]<|/tool_call|>`), format: 'phi4' },
  gemma: {
    source:
      GEMMA_VALUES +
      chat(each('<start_function_call>call:{{ f.name }}{{ value(f.arguments) }}<end_function_call>')),
    format: 'gemma',
    unwritable: /<escape>|<\|"\|>/,
  },
  'a list in markers of its own': {
    source: chat(`<TOOLCALL>[${each(object('arguments'), ', ')}]</TOOLCALL>`),
  },
  'Python in markers of its own': {
    source: chat(
      `<|call_start|>[${each('{{ f.name }}({% for k in f.arguments %}{{ k }}={{ f.arguments[k] | tojson }}{% if not loop.last %}, {% endif %}{% endfor %})', ', ')}]<|call_end|>`,
    ),
  },
  'names first, in markers of its own, arguments as text, no content': {
    source:
      `${TOOLS}{% for m in messages %}<|{{ m.role }}|>{% if m.content is none %}<|calls|>` +
      each('<|call|>function<|sep|>{{ f.name }}\n```json\n{{ f.arguments }}{{ "\n" }}```<|call_end|>', '\n') +
      `<|calls_end|>{% else %}{{ m.content }}{% endif %}<|end|>{% endfor %}${TURN}`,
  },
  'tags of its own': {
    source: chat(
      each(
        '<call>{{ f.name }}\n{% for k in f.arguments %}<key>{{ k }}</key>\n<value>{% if f.arguments[k] is string %}{{ f.arguments[k] }}{% else %}{{ f.arguments[k] | tojson }}{% endif %}</value>\n{% endfor %}</call>',
      ),
    ),
    unwritable: /<\/?(?:key|value|call)|\\n/,
  },
  'tags of its own within others': {
    source: chat(
      `<calls>${each(
        '<invoke name="{{ f.name }}">\n{% for k in f.arguments %}<p name="{{ k }}">{% if f.arguments[k] is string %}{{ f.arguments[k] }}{% else %}{{ f.arguments[k] | tojson }}{% endif %}</p>\n{% endfor %}</invoke>',
        '\n',
      )}</calls>`,
    ),
    unwritable: /<\/?(?:p|invoke|calls)|\\n/,
  },
};
