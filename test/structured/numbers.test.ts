import fc from 'fast-check';
import t from 'tap';
import type { Test as T } from 'tap';
import { parseJson } from '#http/json.js';
import { seededRandom } from '#test/support/seeded-random.js';
import { compileStructure } from '#structured/index.js';
import { runs } from '#test/support/property-runs.js';
import { refusedPart, tokenizerOfPieces } from '#test/support/token-walk.js';

/** Whether a text can be written whole under a schema that is given as JSON. */
function isWritable(schema: string, text: string): boolean {
  const random = seededRandom(1);
  const tokenizer = tokenizerOfPieces(text, random);
  const structure = { kind: 'schema', schema: parseJson(schema, 'schema').value } as const;
  return refusedPart(compileStructure(structure, tokenizer)(), tokenizer, text, random) === undefined;
}

/** Checks which texts can be written under a schema. */
function check(t: T, schema: string, texts: readonly string[], others: readonly string[] = []): void {
  for (const text of texts) t.ok(isWritable(schema, text), `${schema}: ${text}`);
  for (const text of others) t.notOk(isWritable(schema, text), `${schema}: not ${text}`);
}

const LARGE = ['9223372036854775807', '18446744073709551615', '1700000000000', '4111111111111111'];
const LARGE_FRACTIONS = [
  '6.02e23',
  '1E+21',
  '1e-05',
  '12345678.123456789',
  '175928847299117063.5',
  '1.7976931348623157e308',
];

t.test('integers of 64 bits, with no bound, one or both', async t => {
  const negative = LARGE.map(text => `-${text}`);
  for (const type of ['integer', 'number']) {
    check(t, `{"type":"${type}"}`, [...LARGE, ...negative, '0', '-5'], ['01', '--1', '+1']);
    check(t, `{"type":"${type}","minimum":0}`, [...LARGE, '0'], ['-1']);
    check(t, `{"type":"${type}","exclusiveMinimum":0}`, LARGE, ['0', '-1']);
    check(t, `{"type":"${type}","minimum":-5}`, [...LARGE, '-5'], ['-6', negative[2]!]);
    check(t, `{"type":"${type}","maximum":7}`, [...negative, '7'], ['8', LARGE[2]!]);
    check(t, `{"type":"${type}","exclusiveMaximum":0}`, negative, ['0', '1']);
    check(
      t,
      `{"type":"${type}","minimum":-9223372036854775808,"maximum":9223372036854775807}`,
      ['9223372036854775807', '-9223372036854775808', '12'],
      ['9223372036854775808', '-9223372036854775809'],
    );
  }
  check(
    t,
    '{"type":"integer","minimum":-1e40,"maximum":1.8e19}',
    ['-1', '17999999999999999999'],
    ['18000000000000000001'],
  );
  check(t, `{"type":"integer","multipleOf":1}`, LARGE);
  check(t, `{"type":"integer","multipleOf":10}`, ['18446744073709551610'], ['18446744073709551615']);
});

t.test('fractions and exponents', async t => {
  const negative = LARGE_FRACTIONS.map(text => `-${text}`);
  check(t, '{"type":"number"}', [...LARGE_FRACTIONS, ...negative, '602e21', '-0.0']);
  check(t, '{"type":"number","minimum":0}', [...LARGE_FRACTIONS, '602e21', '0', '0.0', '0e5'], negative);
  check(t, '{"type":"number","exclusiveMinimum":0}', LARGE_FRACTIONS, ['0', '0.0', '0e5', ...negative]);
  check(t, '{"type":"number","maximum":0}', negative, LARGE_FRACTIONS);
  const [most, least] = ['1.7976931348623157e308', '-1.7976931348623157e+308'];
  check(
    t,
    `{"type":"number","minimum":${least},"maximum":${most}}`,
    [...LARGE_FRACTIONS, ...negative],
    ['1.8e308', '1e309', '-1e309'],
  );
  check(
    t,
    '{"type":"number","minimum":1.5,"exclusiveMaximum":250.25}',
    ['1.5', '2.5024e2', '2e+02', '250.24999'],
    ['1.49', '2.5025e2', '250.25', '3e2', '1.6e-1'],
  );
});

t.test('a number between bounds is written where it lies there, whatever its spelling', async () => {
  const value = fc.oneof(
    fc.integer({ min: -1000, max: 1000 }).map(n => n / 8),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  );
  const spell = (number: number, how: number): string =>
    [
      String(number),
      number.toExponential(),
      number.toExponential().replace('e+', 'E'),
      number.toExponential().replace(/e([+-])(\d)$/, 'e$10$2'),
    ][how]!;
  fc.assert(
    fc.property(value, value, value, fc.nat(3), fc.boolean(), (a, b, number, how, exclusive) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      const text = spell(number, how);
      const [min, max] = exclusive ? ['exclusiveMinimum', 'exclusiveMaximum'] : ['minimum', 'maximum'];
      const isWithin = exclusive ? number > low && number < high : number >= low && number <= high;
      // Exponents follow what is within the bounds without them, and zero has no sign.
      const mantissa = Number(text.replace(/[eE].*/, ''));
      const isLeftOut =
        Object.is(number, -0) ||
        (/e/i.test(text) &&
          (mantissa < low || mantissa > high || (exclusive && (mantissa === low || mantissa === high))));
      const places = text.replace(/[eE].*/, '').split('.')[1]?.length ?? 0;
      if (low === high || isLeftOut || places > 40) return;
      let written: boolean;
      try {
        written = isWritable(JSON.stringify({ type: 'number', [min]: low, [max]: high }), text);
      } catch {
        written = false;
      }
      if (written !== isWithin) throw new Error(`${text} from ${low} to ${high}: ${written}`);
    }),
    runs(150),
  );
});

t.test('constants keep the digits that a double would lose', async t => {
  for (const digits of ['9007199254740993', '-9223372036854775808', '18446744073709551615', '1'.repeat(39)]) {
    const other = digits.replace(/.$/, last => String((Number(last) + 1) % 10));
    check(t, `{"const":${digits}}`, [digits], [other, String(Number(digits))]);
    check(t, `{"enum":[1,${digits},[${digits}]]}`, [digits, '1', `[${digits}]`], [other, `[${other}]`]);
    check(
      t,
      `{"const":{"a":${digits},"__proto__":${digits}}}`,
      [`{"a":${digits},"__proto__":${digits}}`],
      [`{"a":${other},"__proto__":${digits}}`],
    );
    check(t, `{"enum":[${digits},${other}],"minimum":${digits},"maximum":${digits}}`, [digits], [other]);
    check(t, `{"enum":[${digits},5],"type":"integer"}`, [digits, '5']);
  }
  for (const digits of ['0.12345678901234567890', '1e400', '1'.repeat(400)])
    t.throws(
      () => isWritable(`{"const":${digits}}`, '1'),
      { name: 'Error', message: /digits|too large/ },
      digits,
    );
});

t.test('multiples of fractions are exact', async t => {
  check(t, '{"enum":[0.07,0.29,0.295],"multipleOf":0.01}', ['0.07', '0.29'], ['0.295']);
  check(t, '{"enum":[1.1,3.3,3.4],"multipleOf":1.1}', ['1.1', '3.3'], ['3.4']);
  check(
    t,
    '{"enum":[9007199254740993,9007199254740994],"multipleOf":3}',
    ['9007199254740993'],
    ['9007199254740994'],
  );
  check(
    t,
    '{"type":"number","multipleOf":0.01}',
    ['0.07', '0.29', '5', '5.1', '5.10', '-3.2'],
    ['0.071', '5.', '.5', '1e2'],
  );
  check(
    t,
    '{"type":"number","multipleOf":0.25,"minimum":0}',
    ['0.25', '0.5', '0.50', '10.75', '3'],
    ['0.3', '0.2', '-0.25'],
  );
  check(t, '{"type":"number","multipleOf":1e-5}', ['0.00001', '12.34567'], ['0.000001']);
  check(t, '{"type":"integer","multipleOf":0.5}', ['1', '-12'], ['1.5']);
});
