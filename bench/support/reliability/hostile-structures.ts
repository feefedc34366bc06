import { list, nested } from './large-values.js';

/** Definitions that each refer twice to the next one. */
function doubling(levels: number): object {
  const definitions: Record<string, object> = {};
  for (let i = 0; i < levels; i++) {
    const next = { $ref: `#/$defs/d${i + 1}` };
    definitions[`d${i}`] = { allOf: [next, next] };
  }
  definitions[`d${levels}`] = { type: 'string' };
  return { $ref: '#/$defs/d0', $defs: definitions };
}

/** JSON Schemas, as text, that are large, deep, or much work. */
export const SCHEMAS: Readonly<Record<string, string>> = {
  'a long enum': JSON.stringify({ enum: list(100_000, i => `x${i}`) }),
  'an enum of 4,000': JSON.stringify({ enum: list(4000, i => `x${i}`) }),
  'doubling references': JSON.stringify(doubling(30)),
  'many properties': JSON.stringify({
    type: 'object',
    properties: Object.fromEntries(list(50_000, i => [`p${i}`, { type: 'integer' }])),
  }),
  'alternatives of alternatives': JSON.stringify({
    allOf: list(12, () => ({ anyOf: list(12, i => ({ type: 'object', required: [`r${i}`] })) })),
  }),
  'lists of lists': nested(60_000, '{"type":"array","items":', '{}', '}'),
  'lists of lists within the limits': nested(60, '{"type":"array","items":', '{}', '}'),
  'long tuples': JSON.stringify({ type: 'array', prefixItems: list(5000, () => ({ type: 'number' })) }),
  'patterned keys': JSON.stringify({
    type: 'object',
    patternProperties: Object.fromEntries(list(500, i => [`^k${i}.*$`, { type: 'string' }])),
  }),
  'a costly pattern': JSON.stringify({ type: 'string', pattern: '\\p{L}(x?){20000}' }),
};

/** Regular expressions of the same kinds. */
export const EXPRESSIONS: Readonly<Record<string, string>> = {
  'nullable parts': '\\p{L}(x?){20000}',
  'many dots': '.{0,5000}',
  'a property a hundred times': '\\p{sc=Cham}'.repeat(100),
  'many properties': list(2000, () => '[\\p{Lu}\\p{Nd}]').join('|'),
  'a long literal': 'ab'.repeat(1_500_000),
  'deep groups': nested(100_000, '(', 'a', ')'),
  'deep repetitions': nested(200, '(', 'a', '+)+'),
  'repetitions of repetitions': '((a{1,99}){1,99}){1,99}',
};
