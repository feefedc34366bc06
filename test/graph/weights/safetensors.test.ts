import fc from 'fast-check';
import { truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { KvasirError } from '#errors.js';
import { parseHeader, SafetensorsFile, type SafetensorsType } from '#graph/weights/safetensors.js';
import { f32, safetensors, withHeader } from '#test/support/safetensors.js';
import { sharedModel, skipWithout } from '#test/support/shared-models.js';
import { runs } from '#test/support/property-runs.js';

async function written(folder: string, bytes: Uint8Array): Promise<string> {
  const file = path.join(folder, 'a.safetensors');
  await writeFile(file, bytes);
  return file;
}

t.test('reads F32, F16 and BF16 tensors, in any place and of any rank', async t => {
  const file = await written(
    t.testdir(),
    safetensors(
      {
        odd: { type: 'U8', shape: [3], bytes: Uint8Array.of(1, 2, 3) },
        full: f32([2, 2], [1.5, -2, 1e-40, 3e38]),
        half: { type: 'F16', shape: [3], bytes: Uint8Array.of(0, 0x3c, 0, 0xc0, 1, 0) },
        brain: { type: 'BF16', shape: [1, 2], bytes: Uint8Array.of(0x80, 0x3f, 0x20, 0xc1) },
        scalar: f32([], [7]),
        none: f32([0, 5], []),
      },
      { format: 'pt' },
    ),
  );
  const safe = await SafetensorsFile.open(file);
  t.teardown(() => safe.close());
  t.strictSame([...safe.tensors.keys()], ['odd', 'full', 'half', 'brain', 'scalar', 'none']);
  t.strictSame(safe.tensors.get('full')!.shape, [2, 2]);
  t.strictSame(await safe.read('full'), Float32Array.of(1.5, -2, 1e-40, 3e38));
  t.strictSame(await safe.read('half'), Float32Array.of(1, -2, 2 ** -24));
  t.strictSame(await safe.read('brain'), Float32Array.of(1, -10));
  t.strictSame(await safe.read('scalar'), Float32Array.of(7));
  t.strictSame(await safe.read('none'), new Float32Array());
  t.strictSame(await safe.read('full', 1, 3), Float32Array.of(-2, 1e-40), 'some of it');
  t.strictSame(await safe.read('half', 2), Float32Array.of(2 ** -24));
  t.strictSame(await safe.read('brain', 0, 1), Float32Array.of(1));
  await t.rejects(safe.read('odd'), { code: 'unsupported_model', message: /tensor 'odd' is U8/ });
  await t.rejects(safe.read('other'), { code: 'invalid_model', message: /no tensor 'other'/ });
});

t.test('tensors longer than one read', async t => {
  const count = 2 ** 23 + 5;
  const bits = new Uint16Array(count).map((_, i) => (i * 7) & 0x7f7f);
  const bytes = new Uint8Array(bits.buffer);
  const file = await written(t.testdir(), safetensors({ w: { type: 'BF16', shape: [count], bytes } }));
  const safe = await SafetensorsFile.open(file);
  t.teardown(() => safe.close());
  const words = new Uint32Array((await safe.read('w')).buffer);
  t.ok(words.every((word, i) => word === bits[i]! * 2 ** 16));
});

t.test('a file that was cut off after it was opened', async t => {
  const file = await written(t.testdir(), safetensors({ w: f32([4], [1, 2, 3, 4]) }));
  const safe = await SafetensorsFile.open(file);
  t.teardown(() => safe.close());
  const end = safe.tensors.get('w')!.end - 1;
  await truncate(file, end);
  await t.rejects(safe.read('w'), { code: 'invalid_model', message: new RegExp(`ends at byte ${end}`) });
});

t.test('what is no safetensors file is named with its fault', async t => {
  const entry = (fields: object) =>
    withHeader(
      JSON.stringify({ w: { dtype: 'F32', shape: [1], data_offsets: [0, 4], ...fields } }),
      new Uint8Array(8),
    );
  const cases: [string, Uint8Array, RegExp][] = [
    ['empty', new Uint8Array(), /0 bytes are not/],
    ['shorter than its prefix', new Uint8Array(7), /7 bytes are not/],
    [
      'a header longer than the file',
      Uint8Array.of(200, 0, 0, 0, 0, 0, 0, 0, 123),
      /claims a longer header than its 9 bytes can hold/,
    ],
    ['an absurd header', new Uint8Array(16).fill(255), /claims a longer header than its 16 bytes can hold/],
    ['no JSON', withHeader('{"w":'), /not JSON/],
    [
      'no UTF-8',
      Buffer.concat([Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0), Uint8Array.of(0x22, 0xff, 0x22)]),
      /not JSON in UTF-8/,
    ],
    ['deeper than the stack', withHeader('['.repeat(1_000_000)), /not JSON/],
    ['no object', withHeader('[]'), /not a JSON object/],
    ['no description', withHeader('{"w":1}'), /'w' is not described/],
    ['an unknown type', entry({ dtype: 'toString' }), /'w' has an unknown dtype: "toString"/],
    ['a wrong shape', entry({ shape: [-1] }), /'w' has a wrong shape: \[-1\]/],
    ['a shape of fractions', entry({ shape: [0.5] }), /wrong shape/],
    ['one offset', entry({ data_offsets: [0] }), /'w' has wrong data_offsets/],
    ['offsets backwards', entry({ data_offsets: [4, 0] }), /ends \(byte 0\) before it begins \(byte 4\)/],
    ['offsets beyond the end', entry({ data_offsets: [8, 12] }), /byte 12 of the data, but the file holds 8/],
    ['a length that is not its shape', entry({ shape: [2] }), /has 4 bytes, but F32 \[2\] takes 8/],
    ['a shape that overflows', entry({ shape: [2 ** 40, 2 ** 40] }), /takes/],
    [
      'overlapping tensors',
      withHeader(
        '{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}',
        new Uint8Array(4),
      ),
      /'a' and 'b' overlap/,
    ],
  ];
  for (const [name, bytes, message] of cases) {
    const file = await written(t.testdir(), bytes);
    await t.rejects(SafetensorsFile.open(file), { code: 'invalid_model', message }, name);
    await t.rejects(
      SafetensorsFile.open(file),
      { message: /a\.safetensors: / },
      `${name}: the file is named`,
    );
  }
});

t.test('files that cannot be opened or read', async t => {
  const folder = t.testdir();
  await t.rejects(SafetensorsFile.open(path.join(folder, 'none')), {
    code: 'invalid_model',
    message: /cannot be opened: ENOENT/,
  });
  await t.rejects(SafetensorsFile.open(folder), {
    code: 'invalid_model',
    message: / is a folder, not a regular file/,
  });
});

const BITS = { F64: 64, F32: 32, F16: 16, BF16: 16, I64: 64, U8: 8, BOOL: 8 } as const;

/** Tensors of any names, types and shapes, their bytes not needed. */
const headers = fc
  .dictionary(
    fc.string({ unit: 'grapheme', maxLength: 12 }).filter(name => name !== '__metadata__'),
    fc.record({
      type: fc.constantFrom(...(Object.keys(BITS) as (keyof typeof BITS)[])),
      shape: fc.array(fc.nat(5), { maxLength: 4 }),
      gap: fc.nat(3),
    }),
    { maxKeys: 8 },
  )
  .map(tensors => {
    let end = 0;
    const expected = new Map<
      string,
      { type: SafetensorsType; shape: number[]; begin: number; end: number }
    >();
    for (const [name, { type, shape, gap }] of Object.entries(tensors)) {
      const begin = end + gap;
      end = begin + (shape.reduce((product, size) => product * size, 1) * BITS[type]) / 8;
      expected.set(name, { type, shape, begin, end });
    }
    const text = JSON.stringify(
      Object.fromEntries(
        Array.from(expected, ([name, { type, shape, begin, end }]) => [
          name,
          { dtype: type, shape, data_offsets: [begin, end] },
        ]),
      ),
    );
    return { expected, header: Buffer.from(text), bodySize: end };
  });

t.test('valid headers are read as they were written', async t => {
  const property = fc.property(headers, ({ expected, header, bodySize }) => {
    const start = 8 + header.byteLength;
    const entries = parseHeader('file', header, start + bodySize);
    t.strictSame(
      Object.fromEntries(entries),
      Object.fromEntries(
        Array.from(expected, ([name, entry]) => [
          name,
          { ...entry, begin: start + entry.begin, end: start + entry.end },
        ]),
      ),
    );
  });
  fc.assert(property, runs(200));
});

t.test('damaged headers are refused, or are valid by accident, and nothing else happens', async t => {
  const damage = fc.array(
    fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('0129-.e[]{}":,')))),
    { minLength: 1, maxLength: 4 },
  );
  const property = fc.property(
    headers,
    damage,
    fc.option(fc.nat(), { nil: undefined }),
    fc.nat(50),
    ({ header, bodySize }, damage, cut, short) => {
      const damaged = Buffer.from(
        header.subarray(0, cut === undefined ? undefined : cut % (header.byteLength + 1)),
      );
      for (const [at, byte] of damage) if (damaged.byteLength > 0) damaged[at % damaged.byteLength] = byte;
      const size = 8 + damaged.byteLength + Math.max(0, bodySize - short);
      try {
        for (const { begin, end } of parseHeader('file', damaged, size).values())
          if (begin < 8 + damaged.byteLength || begin > end || end > size)
            throw new Error(`bytes ${begin} to ${end} of ${size}`);
      } catch (error) {
        if (!(error instanceof KvasirError && error.code === 'invalid_model')) throw error;
      }
    },
  );
  t.doesNotThrow(() => fc.assert(property, runs(2000)));
});

t.test('any bytes are a file or an error, without an allocation larger than the file', async t => {
  const folder = t.testdir();
  const prefix = fc.oneof(fc.nat(40), fc.maxSafeNat()).map(length => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(length));
    return bytes;
  });
  const property = fc.asyncProperty(prefix, fc.uint8Array({ maxLength: 60 }), async (prefix, rest) => {
    const file = await written(folder, Buffer.concat([prefix, rest]));
    const before = process.memoryUsage().arrayBuffers;
    try {
      await (await SafetensorsFile.open(file)).close();
    } catch (error) {
      if (!(error instanceof KvasirError && error.code === 'invalid_model')) throw error;
    }
    if (process.memoryUsage().arrayBuffers - before > 2 ** 20) throw new Error('more than a megabyte');
  });
  await t.resolves(fc.assert(property, runs(100)));
});

t.test('a real file', { skip: skipWithout('stories260k') }, async t => {
  const safe = await SafetensorsFile.open(path.join(sharedModel('stories260k'), 'model.safetensors'));
  t.teardown(() => safe.close());
  const embedding = await safe.read('model.embed_tokens.weight');
  t.equal(embedding.length, 512 * 64);
  t.ok(embedding.every(Number.isFinite));
});
