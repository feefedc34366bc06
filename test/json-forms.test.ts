import fc from 'fast-check';
import t from 'tap';
import { JinjaProgram, valueOf } from '#chat/jinja/index.js';
import { collectJsonForms, keepJsonForms, restoreJsonForms } from '#json-forms.js';
import { runs } from './support/property-runs.js';

const program = new JinjaProgram("{{ x | tojson(separators=[',', ':']) }}");

const written = (value: unknown): string => program.render([['x', valueOf(value)]]);

function read(text: string): unknown {
  const value: unknown = JSON.parse(text);
  keepJsonForms(text, value);
  return value;
}

t.test('numbers and keys are printed as they were written', async t => {
  for (const text of [
    '{"minimum":1.0,"maximum":1e+20,"multipleOf":1e-05}',
    '[1,1.0,-0.0,-5,0.5,12345678901234567890,-98765432109876543210]',
    '{"b":1.0,"2":2,"a":{"10":1,"9":[1.0,{"x":2.0}]},"1":0.0}',
    '{"a":"1.0 \\" 2.0","\\u00e9":"12345678901234567890"}',
  ])
    t.equal(written(read(text)), text.replace('\\u00e9', 'é'));
  t.equal(written(read('{"a":1.0,"a":2}')), '{"a":2}');
  t.equal(written(read('{"a":{"x":1.0},"a":{"x":1}}')), '{"a":{"x":1}}');
  t.equal(written(read('{"a":{"x":1.0},"a":3,"b":2E2}')), '{"a":3,"b":200.0}');
  t.equal(written(JSON.parse('[1.0]')), '[1]');
});

/** JSON text whose numbers are as Python writes them. */
const { json } = fc.letrec<{ json: string; list: string; object: string }>(tie => ({
  json: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('null', 'true', '1.0', '-3.0', '1e+16', '0.25', '18446744073709551616', '1e-07'),
    fc.maxSafeInteger().map(String),
    fc.string().map(text => JSON.stringify(text)),
    tie('list'),
    tie('object'),
  ),
  list: fc.array(tie('json'), { maxLength: 4 }).map(items => `[${items.join(',')}]`),
  object: fc
    .uniqueArray(fc.tuple(fc.oneof(fc.string(), fc.nat(20).map(String)), tie('json')), {
      maxLength: 4,
      selector: ([key]) => key,
    })
    .map(pairs => `{${pairs.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`),
}));

t.test('any JSON is printed as it was written, here and where it was sent', async () => {
  fc.assert(
    fc.property(json, text => {
      const value = { value: read(`[${text}]`) };
      const copy = structuredClone(value);
      restoreJsonForms(copy, collectJsonForms(value));
      return written(value.value) === `[${text}]` && written(copy.value) === `[${text}]`;
    }),
    runs(500),
  );
});
