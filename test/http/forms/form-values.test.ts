import fc from 'fast-check';
import t from 'tap';
import { formBody } from '#http/forms/form-values.js';
import type { FormEntry } from '#http/forms/multipart.js';
import { UploadedFile } from '#http/forms/uploaded-file.js';

const SCHEMA = {
  properties: {
    file: { type: 'object' },
    text: { type: ['string', 'null'] },
    number: { type: ['number', 'null'] },
    flag: { type: ['boolean', 'null'] },
    list: { type: ['array', 'null'], items: { type: 'number' } },
    names: { anyOf: [{ type: 'array', items: { type: 'string' } }, { type: 'null' }] },
    choice: {
      anyOf: [
        { type: 'string' },
        { type: 'object', properties: { size: { type: 'integer' } } },
        { type: 'null' },
      ],
    },
  },
};

/** The body of a form's texts, as a plain object. */
const body = (...entries: FormEntry[]): unknown => JSON.parse(JSON.stringify(formBody(entries, SCHEMA)));

t.test('texts become what the schema says', async t => {
  t.strictSame(body(['number', ' 0.5 '], ['flag', 'True'], ['text', '7']), {
    number: 0.5,
    flag: true,
    text: '7',
  });
  for (const text of ['false', 'False', 'no', 'off', '0'])
    t.strictSame(body(['flag', text]), { flag: false });
  t.strictSame(
    body(['number', 'x'], ['flag', 'maybe']),
    { number: 'x', flag: 'maybe' },
    'or stay as they are',
  );
  t.strictSame(body(['text', ''], ['number', '']), { text: null, number: null }, 'none is null');
});

t.test('lists', async t => {
  for (const entries of [
    [
      ['list[]', '1'],
      ['list[]', '2'],
    ],
    [
      ['list', '1'],
      ['list', '2'],
    ],
    [['list', '[1, 2]']],
  ] satisfies FormEntry[][])
    t.strictSame(body(...entries), { list: [1, 2] });
  t.strictSame(body(['list', '1']), { list: [1] }, 'of one item');
  t.strictSame(body(['names', 'a']), { names: ['a'] });
  t.strictSame(body(['text', 'a'], ['text', 'b']), { text: ['a', 'b'] }, 'of what is none, to be refused');
});

t.test('objects', async t => {
  t.strictSame(body(['choice[size]', '7']), { choice: { size: 7 } });
  t.strictSame(body(['choice', '{"size": 7}']), { choice: { size: 7 } });
  t.strictSame(body(['choice', 'auto']), { choice: 'auto' });
  t.strictSame(body(['choice', '{size']), { choice: '{size' }, 'no JSON');
});

t.test('fields that the schema does not name are what they look like', async t => {
  t.strictSame(body(['a', '2.5'], ['b', 'false'], ['c', '[]'], ['d', '{}'], ['e', 'f']), {
    a: 2.5,
    b: false,
    c: [],
    d: {},
    e: 'f',
  });
});

t.test('files stay files', async t => {
  const file = new UploadedFile([Buffer.from('ab'), Buffer.from('c')]);
  const read = formBody([['file', file]], SCHEMA) as { file: UploadedFile };
  t.equal(read.file, file);
  t.equal(file.size, 3);
  const chunks = [];
  for await (const chunk of file) chunks.push(chunk);
  t.equal(Buffer.concat(chunks).toString(), 'abc');
});

t.test('no name reaches a prototype, and none throws', async t => {
  formBody(
    [
      ['__proto__[polluted]', '1'],
      ['constructor[prototype][polluted]', '1'],
    ],
    SCHEMA,
  );
  t.equal(({} as { polluted?: unknown }).polluted, undefined);
  const part = fc.constantFrom(
    'a',
    'file',
    'list',
    'choice',
    '[',
    ']',
    '[]',
    '[size]',
    '__proto__',
    '[__proto__]',
  );
  const name = fc.array(part, { maxLength: 5 }).map(parts => parts.join(''));
  const entries = fc.array(fc.tuple(name, fc.oneof(fc.string(), fc.constantFrom('{}', '[1]', 'true', '1'))));
  fc.assert(
    fc.property(entries, entries => {
      const read = formBody(entries, SCHEMA);
      return typeof read === 'object' && ({} as { size?: unknown }).size === undefined;
    }),
  );
});
