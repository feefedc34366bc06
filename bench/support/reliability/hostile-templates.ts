/** Chat templates that take for ever, or more memory than there is. */
export const TEMPLATES: Readonly<Record<string, string>> = {
  'a template that loops': '{% for i in range(1000000000) %}x{% endfor %}',
  'a template of loops within loops':
    '{% for i in range(99999) %}{% for j in range(99999) %}{% for k in range(99999) %}{% endfor %}{% endfor %}{% endfor %}',
  'a template that doubles a text':
    "{% set n = namespace(x='ab') %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}{{ n.x }}",
  'a template that doubles a list':
    '{% set n = namespace(x=[1, 2]) %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}{{ n.x }}',
  'a template that multiplies joins':
    "{% set n = namespace(x='a') %}{% for i in range(99) %}{% set n.x = [n.x, n.x, n.x]|join(n.x) %}{% endfor %}{{ n.x }}",
  'a template that replaces what it replaced':
    "{% set n = namespace(x='aa') %}{% for i in range(99) %}{% set n.x = n.x.replace('a', n.x) %}{% endfor %}{{ n.x }}",
  'a template that indents':
    "{% set n = namespace(x='a\\nb') %}{% for i in range(99) %}{% set n.x = n.x|indent(99999999) %}{% endfor %}{{ n.x }}",
  'a template that calls itself':
    '{% set n = namespace(f=0) %}{% macro f() %}{{ n.f() }}{{ n.f() }}{% endmacro %}{% set n.f = f %}{{ n.f() }}',
  'a template that is deep': `${'('.repeat(5000)}1${')'.repeat(5000)}`.replace(/^(.*)$/, '{{ $1 }}'),
  'a template that does not parse': '{% for %}{{',
};
