import t from 'tap';
import { JinjaProgram, TemplateError } from '#chat/jinja/index.js';
import { RENDERED_AT, templateFixture } from '#test/support/template-fixtures.js';

/** Of each expression what it is for each value `V`: null where Python raises, false where runs differ. */
interface Expressions {
  readonly values: readonly string[];
  readonly results: readonly (readonly [expression: string, texts: readonly (string | null | false)[]])[];
}

const { values, results } = JSON.parse(templateFixture('expressions.json')) as Expressions;

function render(source: string): string | null {
  try {
    return new JinjaProgram(source).render([], undefined, RENDERED_AT);
  } catch (error) {
    if (error instanceof TemplateError) return null;
    throw error;
  }
}

for (const [expression, texts] of results)
  t.test(expression, async t => {
    const ours = values.map((value, i) =>
      texts[i] === false ? false : render(`{% set v = ${value} %}{{ ${expression.replaceAll('V', 'v')} }}`),
    );
    t.same(
      values.flatMap((value, i) => (ours[i] === texts[i] ? [] : [[value, ours[i]]])),
      values.flatMap((value, i) => (ours[i] === texts[i] ? [] : [[value, texts[i]]])),
    );
  });
