import t from 'tap';
import { JinjaProgram, TemplateError, valueOf, type Value } from '#chat/jinja/index.js';
import { RENDERED_AT, templateFixture } from '#test/support/template-fixtures.js';

const { variables, cases } = JSON.parse(templateFixture('statements.json')) as {
  readonly variables: Readonly<Record<string, unknown>>;
  /** A template and its text: null where Python raises, false where runs differ. */
  readonly cases: readonly (readonly [source: string, text: string | null | false])[];
};

function render(source: string): string | null {
  const values = Object.entries(variables).map(([name, value]): [string, Value] => [name, valueOf(value)]);
  try {
    return new JinjaProgram(source).render(values, undefined, RENDERED_AT);
  } catch (error) {
    if (error instanceof TemplateError) return null;
    throw error;
  }
}

t.test('statements, white space and literals mean what they do in Python', async t => {
  for (const [source, text] of cases) if (text !== false) t.equal(render(source), text, source);
});
