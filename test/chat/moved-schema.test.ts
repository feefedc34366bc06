import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { movedSchema } from '#chat/moved-schema.js';
import { runs } from '#test/support/property-runs.js';

/** Keywords and other words that have a meaning somewhere: each may be a name as well. */
const WORDS = [
  ...['$ref', '$defs', 'const', 'enum', 'default', 'examples', 'properties', 'items', 'anyOf', 'not'],
  ...['a/b', 'a~b', '%25', 'ü', '', 'definitions', 'type'],
];

const token = (name: string): string => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));

t.test('references of schemas are moved, whatever properties and definitions are called', async () => {
  fc.assert(
    fc.property(fc.constantFrom(...WORDS), fc.constantFrom(...WORDS), (property, definition) => {
      const place = `/$defs/${token(definition)}`;
      const schema = (prefix: string): Record<string, unknown> => ({
        type: 'object',
        properties: { [property]: { $ref: `#${prefix}${place}` } },
        $defs: {
          [definition]: {
            anyOf: [{ type: 'null' }, { items: { $ref: `#${prefix}` } }],
            properties: { const: { additionalProperties: { $ref: `#${prefix}${place}` } } },
          },
        },
      });
      assert.deepEqual(movedSchema(schema(''), '/at'), schema('/at'));
    }),
    runs(300),
  );
});

t.test('only references are changed', async t => {
  const data = { $ref: '#/a' };
  const schema = {
    const: data,
    enum: [data],
    default: data,
    examples: [data],
    'x-note': data,
    properties: { $ref: { type: 'string' } },
    items: { $ref: 'https://example.com/other' },
  };
  t.strictSame(movedSchema(schema, '/at'), schema);
});

t.test('references lead to schemas outside of keywords, and round in circles', async t => {
  const schema = (prefix: string): Record<string, unknown> => ({
    $ref: `#${prefix}/components/schemas/const`,
    components: { schemas: { const: { items: { $ref: `#${prefix}/components/schemas/const` } } } },
  });
  t.strictSame(movedSchema(schema(''), '/at'), schema('/at'));
});
