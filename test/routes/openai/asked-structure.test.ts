import t from 'tap';
import type { KvasirError } from '#errors.js';
import { askedResponseFormat, askedStructure, askedTextFormat } from '#routes/openai/asked-structure.js';

const schema = { const: 1 };

function param(ask: () => unknown): unknown {
  try {
    return ask();
  } catch (error) {
    return (error as KvasirError).param;
  }
}

t.test('a schema is followed where it is in its place, and nothing is left out in silence', async t => {
  const structure = (of: object) => ({ kind: 'schema', schema: of });
  const place = 'response_format';
  for (const [format, expected] of [
    [null, undefined],
    [{ type: 'text' }, undefined],
    [{ type: 'json_object' }, { param: place, structure: { kind: 'object' } }],
    [
      { type: 'json_object', schema },
      { param: `${place}.schema`, structure: structure(schema) },
    ],
    [
      { type: 'json_schema', json_schema: { schema } },
      { param: `${place}.json_schema.schema`, structure: structure(schema) },
    ],
    [{ type: 'json_schema', json_schema: { schema: {} }, schema: null }, { structure: structure({}) }],
    [{ type: 'json_schema' }, `${place}.json_schema`],
    [{ type: 'json_schema', json_schema: null }, `${place}.json_schema`],
    [{ type: 'json_schema', schema }, `${place}.json_schema`],
    [{ type: 'json_schema', json_schema: { name: 'a' } }, `${place}.json_schema.schema`],
    [{ type: 'json_schema', json_schema: { name: 'a', schema: null } }, `${place}.json_schema.schema`],
    [{ type: 'json_schema', json_schema: schema }, `${place}.json_schema.schema`],
    [{ type: 'json_schema', json_schema: { schema }, schema }, `${place}.schema`],
    [{ type: 'json_object', json_schema: { schema } }, `${place}.json_schema`],
    [{ type: 'text', json_schema: { schema } }, `${place}.json_schema`],
    [{ type: 'text', schema }, `${place}.schema`],
  ] as const)
    t.match(
      param(() => askedResponseFormat(format as never)),
      expected,
      JSON.stringify(format),
    );
  for (const [format, expected] of [
    [undefined, undefined],
    [{ type: 'text' }, undefined],
    [{ type: 'json_object' }, { param: 'text.format', structure: { kind: 'object' } }],
    [
      { type: 'json_object', schema },
      { param: 'text.format.schema', structure: structure(schema) },
    ],
    [
      { type: 'json_schema', schema },
      { param: 'text.format.schema', structure: structure(schema) },
    ],
    [{ type: 'json_schema' }, 'text.format.schema'],
    [{ type: 'json_schema', json_schema: { schema } }, 'text.format.schema'],
    [{ type: 'text', schema }, 'text.format.schema'],
  ] as const)
    t.match(
      param(() => askedTextFormat(format as never)),
      expected,
      JSON.stringify(format),
    );
});

t.test('of the fields that give a structure exactly one is taken', async t => {
  const asked = (fields: object) => param(() => askedStructure(fields, undefined));
  t.equal(asked({}), undefined);
  t.equal(asked({ structured_outputs: null, guided_regex: null }), undefined);
  for (const [kind, value, structure] of [
    ['json', schema, { kind: 'schema', schema }],
    ['json', '{"const":1}', { kind: 'schema', schema }],
    ['json_object', true, { kind: 'object' }],
    ['regex', 'a+', { kind: 'regex', pattern: 'a+' }],
    ['choice', ['a'], { kind: 'choice', choices: ['a'] }],
  ] as const)
    t.strictSame(asked({ structured_outputs: { [kind]: value } }), {
      param: `structured_outputs.${kind}`,
      structure,
    });
  for (const outputs of [{}, { json: null }, { json_object: false }, { grammar: null }])
    t.equal(asked({ structured_outputs: outputs }), 'structured_outputs');
  t.equal(asked({ structured_outputs: { jsn: schema } }), 'structured_outputs.jsn');
  t.equal(asked({ structured_outputs: { json: schema, regexp: 'a' } }), 'structured_outputs.regexp');
  t.equal(asked({ structured_outputs: { json: schema, regex: 'a' } }), 'structured_outputs.regex');
  t.equal(asked({ guided_regex: 'a', structured_outputs: { json: schema } }), 'guided_regex');
  const format = { param: 'text.format', structure: { kind: 'object' } } as const;
  t.equal(
    param(() => askedStructure({ guided_regex: 'a' }, format)),
    'guided_regex',
  );
});
