import fc from 'fast-check';
import { truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { KvasirError } from '#errors.js';
import { parseHeader } from '#gguf/header.js';
import { openGguf, partsOf } from '#gguf/reader.js';
import { gguf, zeros, type TestGguf, type TestValue } from '#test/support/gguf.js';
import { runs } from '#test/support/property-runs.js';

async function written(folder: string, bytes: Uint8Array, name = 'a.gguf'): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, bytes);
  return file;
}

const f32 = (...values: number[]) => ({
  type: 'F32' as const,
  shape: [values.length],
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});

t.test('texts of a list are read, and checked, when somebody asks for them', async t => {
  const list = (value: unknown[]): TestValue => ({ type: 'array', of: 'string', value });
  const bytes = gguf({ metadata: { good: list(['a', 'b']), bad: list(['a', Uint8Array.of(0xc3)]) } });
  const file = await openGguf(await written(t.testdir(), bytes));
  t.teardown(() => file.close());
  t.equal(file.metadata.strings('good'), file.metadata.strings('good'), 'is read once');
  t.throws(() => file.metadata.strings('bad'), { code: 'invalid_model', message: /not UTF-8 \(bad\)/ });
  t.throws(() => file.metadata.count('good'), { message: /good is a list of 2, expected an integer/ });
});

t.test('reads metadata of all types and tensors of any rank', async t => {
  const values: Record<string, [TestValue, unknown]> = {
    u8: [{ type: 'uint8', value: 200 }, 200],
    i8: [{ type: 'int8', value: -3 }, -3],
    u16: [{ type: 'uint16', value: 65_000 }, 65_000],
    i16: [{ type: 'int16', value: -300 }, -300],
    u32: [{ type: 'uint32', value: 4_000_000_000 }, 4_000_000_000],
    i32: [{ type: 'int32', value: -70_000 }, -70_000],
    f32: [{ type: 'float32', value: 0.5 }, 0.5],
    f64: [{ type: 'float64', value: 0.1 }, 0.1],
    no: [{ type: 'bool', value: false }, false],
    text: [{ type: 'string', value: 'Grüße 🎉' }, 'Grüße 🎉'],
    u64: [{ type: 'uint64', value: 5n }, 5],
    huge: [{ type: 'uint64', value: 2n ** 64n - 1n }, 2n ** 64n - 1n],
    negative: [{ type: 'int64', value: -5n }, -5],
    strings: [{ type: 'array', of: 'string', value: ['a', '', 'ß', '\ufffd'] }, ['a', '', 'ß', '\ufffd']],
    floats: [{ type: 'array', of: 'float32', value: [1.5, -2] }, Float32Array.of(1.5, -2)],
    longs: [{ type: 'array', of: 'int64', value: [-1n, 2n] }, BigInt64Array.of(-1n, 2n)],
    flags: [{ type: 'array', of: 'bool', value: [true, false] }, [true, false]],
    lists: [
      { type: 'array', of: 'array', value: [{ type: 'array', of: 'uint8', value: [1, 2] }] },
      [Uint8Array.of(1, 2)],
    ],
    none: [{ type: 'array', of: 'int32', value: [] }, new Int32Array()],
  };
  const bytes = gguf({
    metadata: Object.fromEntries(Object.entries(values).map(([key, [value]]) => [key, value])),
    tensors: {
      scalar: { ...f32(7), shape: [] },
      matrix: { ...f32(1, 2, 3, 4, 5, 6), shape: [2, 3] },
      blocks: { type: 'Q8_0', shape: [2, 1, 64], bytes: new Uint8Array(136).map((_, i) => i) },
      empty: zeros('F32', [0, 5]),
    },
  });
  for (const version of [2, 3]) {
    bytes.writeUInt32LE(version, 4);
    const file = await openGguf(await written(t.testdir(), bytes));
    t.teardown(() => file.close());
    for (const [key, [, value]] of Object.entries(values)) t.strictSame(file.metadata.get(key), value, key);
    t.strictSame(
      [...file.tensors].map(([name, { type, shape, bytes }]) => [name, type, shape, bytes]),
      [
        ['scalar', 'F32', [], 4],
        ['matrix', 'F32', [2, 3], 24],
        ['blocks', 'Q8_0', [2, 1, 64], 136],
        ['empty', 'F32', [0, 5], 0],
      ],
    );
    t.strictSame(new Float32Array((await file.read('matrix')).buffer), Float32Array.of(1, 2, 3, 4, 5, 6));
    t.strictSame(await file.read('blocks', 34, 36), Uint8Array.of(34, 35), 'some of it');
    t.strictSame(await file.read('empty'), new Uint8Array());
    await t.rejects(file.read('other'), { code: 'invalid_model', message: /no tensor 'other'/ });
  }
});

t.test('a header longer than the first look, and another alignment', async t => {
  const tokens = Array.from({ length: 100_000 }, (_, i) => `token number ${i}`);
  const bytes = gguf({
    metadata: {
      'general.alignment': { type: 'uint32', value: 4096 },
      tokens: { type: 'array', of: 'string', value: tokens },
    },
    tensors: { a: f32(1), b: f32(2, 3) },
    alignment: 4096,
  });
  const file = await openGguf(await written(t.testdir(), bytes));
  t.teardown(() => file.close());
  t.strictSame(file.metadata.strings('tokens'), tokens);
  t.strictSame(new Float32Array((await file.read('b')).buffer), Float32Array.of(2, 3));
});

t.test('metadata by type', async t => {
  const file = await openGguf(
    await written(
      t.testdir(),
      gguf({
        metadata: {
          text: { type: 'string', value: 'x'.repeat(100) },
          nan: { type: 'float32', value: NaN },
          exact: { type: 'array', of: 'uint64', value: [7n] },
          inexact: { type: 'array', of: 'uint64', value: [2n ** 60n + 1n] },
        },
      }),
    ),
  );
  t.teardown(() => file.close());
  const { metadata } = file;
  t.equal(metadata.count('none', 3), 3);
  t.equal(metadata.string('text').length, 100);
  t.strictSame(metadata.numbers('exact'), [7]);
  const faults: [() => unknown, RegExp][] = [
    [() => metadata.string('none'), /a\.gguf: none is missing/],
    [() => metadata.count('text'), /text is a string, expected an integer of at least 0/],
    [() => metadata.number('nan'), /nan is NaN, expected a number/],
    [() => metadata.strings('exact'), /exact is a list of 1, expected a list of strings/],
    [() => metadata.numbers('inexact'), /inexact is a list of 1, expected a list of numbers/],
  ];
  for (const [read, message] of faults) t.throws(read, { code: 'invalid_model', message });
});

t.test('what is no GGUF file is named with its fault', async t => {
  const tensor = (fields: object): TestGguf => ({ tensors: { w: { ...zeros('F32', [8]), ...fields } } });
  const metadata = (value: TestValue): TestGguf => ({ metadata: { k: value } });
  const nested = (depth: number): TestValue => ({
    type: 'array',
    of: 'array',
    value: depth === 0 ? [] : [nested(depth - 1)],
  });
  const ofUnknownType = gguf(metadata({ type: 'uint8', value: 0 }));
  ofUnknownType[24 + 8 + 1] = 13;
  const cases: [string, TestGguf | Buffer, RegExp, string?][] = [
    ['empty', Buffer.alloc(0), /0 bytes are not a GGUF file/],
    ['another format', { magic: 'GGML' }, /does not begin with GGUF/],
    ['version 1', { version: 1 }, /is of version 1 of GGUF; 2 and 3 are read/, 'unsupported_model'],
    ['big endian', { version: 3 * 2 ** 24 }, /is big endian/, 'unsupported_model'],
    ['too many keys', { keys: 2n ** 40n }, /claims 1099511627776 keys, more than its \d+ bytes/],
    ['too many tensors', { tensorCount: 9n }, /claims 9 tensors, more than/],
    ['an overflow', { keys: 2n ** 63n }, /claims a length, size or place of 922337203685477/],
    ['a type that is not known', ofUnknownType, /the key 'k' has an unknown type: 13/],
    ['a flag of 2', metadata({ type: 'bool', value: 2 }), /'k' is neither true nor false, but 2/],
    ['lists in lists', metadata(nested(9)), /'k' has lists in more than 4 lists/],
    ['text', metadata({ type: 'string', value: Uint8Array.of(0xc3) }), /has text that is not UTF-8 \(k\)/],
    [
      'a key twice',
      {
        metadata: [
          ['k', { type: 'bool', value: 0 }],
          ['k', { type: 'bool', value: 0 }],
        ],
      },
      /key 'k' is there twice/,
    ],
    [
      'a long name',
      { tensors: { ['w'.repeat(2000)]: zeros('F32', [8]) } },
      /a tensor has a name of 2000 bytes/,
    ],
    [
      'a tensor twice',
      {
        tensors: [
          ['w', zeros('F32', [8])],
          ['w', zeros('F32', [8])],
        ],
      },
      /tensor 'w' is there twice/,
    ],
    ['five axes', tensor({ shape: [1, 1, 1, 2, 4] }), /'w' has 5 axes/],
    ['a type of tensors', tensor({ type: 5 }), /'w' is of a type that is not known: 5/, 'unsupported_model'],
    ['half a block', tensor({ type: 'Q4_0', shape: [2, 16] }), /'w' has rows of 16, which Q4_0 cannot hold/],
    ['beyond the end', tensor({ shape: [80] }), /'w' reaches to byte \d+, but the file has \d+/],
    ['a shape that overflows', tensor({ shape: [2 ** 30, 2 ** 30] }), /'w' is too large/],
    ['an odd place', tensor({ offset: 4 }), /'w' begins at byte 4, no multiple of 32/],
    ['a far place', tensor({ offset: 2 ** 50 }), /'w' reaches to byte/],
    [
      'overlaps',
      { tensors: { v: zeros('F32', [8]), w: { ...zeros('F32', [8]), offset: 0 } } },
      /'v' and 'w' overlap/,
    ],
    [
      'alignment 0',
      { metadata: { 'general.alignment': { type: 'uint32', value: 0 } } },
      /alignment is no power of 2/,
    ],
    [
      'alignment 24',
      { metadata: { 'general.alignment': { type: 'uint32', value: 24 } } },
      /alignment is no power of 2/,
    ],
    [
      'cut off',
      gguf(metadata({ type: 'uint64', value: 1n })).subarray(0, 40),
      /within its header: is it cut off/,
    ],
  ];
  for (const [name, content, message, code = 'invalid_model'] of cases) {
    const file = await written(t.testdir(), Buffer.isBuffer(content) ? content : gguf(content));
    await t.rejects(openGguf(file), { code, message }, name);
    await t.rejects(openGguf(file), { message: /a\.gguf: / }, `${name}: the file is named`);
  }
  await t.rejects(openGguf(path.join(t.testdir(), 'none.gguf')), { message: /cannot be opened: ENOENT/ });
});

t.test('a file that was cut off after it was opened', async t => {
  const name = await written(t.testdir(), gguf({ tensors: { w: zeros('F32', [8]) } }));
  const file = await openGguf(name);
  t.teardown(() => file.close());
  await truncate(name, 70);
  await t.rejects(file.read('w'), { code: 'invalid_model', message: /ends at byte 70/ });
});

t.test('files that were split', async t => {
  const folder = t.testdir();
  const part = (number: number, count: number, tensors: TestGguf['tensors'] = {}, total = 2): Buffer =>
    gguf({
      metadata: {
        'split.no': { type: 'uint16', value: number },
        'split.count': { type: 'uint16', value: count },
        'split.tensors.count': { type: 'int32', value: total },
        ...(number === 0 && { name: { type: 'string', value: 'whole' } }),
      },
      tensors,
    });
  const [one, two] = partsOf(path.join(folder, 'm-00001-of-00002.gguf')) as [string, string];
  t.strictSame(partsOf(path.join(folder, 'm.gguf')), [path.join(folder, 'm.gguf')]);
  t.strictSame(partsOf(two), [one, two]);
  await writeFile(one, part(0, 2, { a: f32(1) }));
  await t.rejects(openGguf(one), { message: /00002-of-00002\.gguf cannot be opened/ });
  await writeFile(two, part(1, 2, { b: f32(2) }));
  for (const name of [one, two]) {
    const file = await openGguf(name);
    t.equal(file.metadata.string('name'), 'whole');
    t.strictSame(file.paths, [one, two]);
    t.strictSame(new Float32Array((await file.read('b')).buffer), Float32Array.of(2));
    await file.close();
  }
  const faults: [Buffer, RegExp][] = [
    [part(0, 2, { b: f32(2) }), /is part 1 of 2 by its metadata, but part 2 of 2 by its name/],
    [part(1, 2, { a: f32(2) }), /another part has the tensor 'a', too/],
    [part(1, 2), /its parts have 1 tensors, but should have 2/],
  ];
  for (const [bytes, message] of faults) {
    await writeFile(two, bytes);
    await t.rejects(openGguf(one), { code: 'invalid_model', message });
  }
  const alone = await written(folder, part(0, 3, {}, 0));
  await t.rejects(openGguf(alone), { message: /is one of 3 parts, whose names must end in -00001-of-00003/ });
});

t.test('damaged and cut files are read or refused, whatever their bytes are', async () => {
  const whole = gguf({
    metadata: {
      'general.alignment': { type: 'uint32', value: 32 },
      words: { type: 'array', of: 'string', value: ['some', 'words', 'here'] },
      list: { type: 'array', of: 'array', value: [{ type: 'array', of: 'float32', value: [1, 2] }] },
    },
    tensors: { a: zeros('Q4_K', [2, 256]), b: zeros('F32', [4]) },
  });
  const damages = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(damages, fc.nat(whole.length), (bytes, cut) => {
      const damaged = Buffer.from(whole.subarray(0, cut % 3 === 0 ? cut : whole.length));
      for (const [place, byte] of bytes) if (place < damaged.length) damaged[place] = byte;
      try {
        const { tensors } = parseHeader('a.gguf', damaged, damaged.length)!;
        return [...tensors.values()].every(({ offset, bytes }) => offset + bytes <= damaged.length);
      } catch (error) {
        if (!(error instanceof KvasirError) || !error.message.startsWith('a.gguf: ')) throw error;
        return true;
      }
    }),
    runs(2000),
  );
});
