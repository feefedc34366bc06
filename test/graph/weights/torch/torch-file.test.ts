/** Files of `torch.save`: those of the fixtures, and what must not be read. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import t from 'tap';
import { KvasirError } from '#errors.js';
import { readStateDict } from '#graph/weights/torch/state-dict.js';
import { TorchFile } from '#graph/weights/torch/torch-file.js';
import { runs } from '#test/support/property-runs.js';

const FIXTURES = fileURLToPath(new URL('../../../../../test/fixtures/sentence/bge-m3/', import.meta.url));
const NAMES = ['sparse_linear.pt', 'colbert_linear.pt', 'pytorch_model.bin'];

const text = (value: string): number[] => {
  const bytes = [...Buffer.from(value)];
  return [0x58, bytes.length, 0, 0, 0, ...bytes];
};
const name = (module: string, attribute: string): number[] => [...Buffer.from(`c${module}\n${attribute}\n`)];
const int = (value: number): number[] => [0x4a, ...new Uint8Array(Int32Array.of(value).buffer)];
const tuple = (...items: readonly number[][]): number[] => [0x28, ...items.flat(), 0x74];
const ORDERED_DICT = [...name('collections', 'OrderedDict'), 0x29, 0x52];

interface Stored {
  readonly storage?: string;
  readonly elements?: number;
  readonly first?: number;
  readonly shape: readonly number[];
  readonly strides?: readonly number[];
}

/** A tensor as `torch.save` writes it. */
function tensor({ storage = 'FloatStorage', elements = 100, first = 0, shape, strides }: Stored): number[] {
  const rows = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const id = tuple(text('storage'), name('torch', storage), text('0'), text('cpu'), int(elements));
  const ints = (values: readonly number[]): number[] => tuple(...values.map(int));
  return [
    ...name('torch._utils', '_rebuild_tensor_v2'),
    ...tuple([...id, 0x51], int(first), ints(shape), ints(strides ?? rows), [0x89], ORDERED_DICT),
    0x52,
  ];
}

function pickle(entries: Readonly<Record<string, number[]>>, behind: readonly number[] = []): Uint8Array {
  const items = Object.entries(entries).flatMap(([key, value]) => [...text(key), ...value]);
  return Uint8Array.from([0x80, 2, ...ORDERED_DICT, 0x28, ...items, 0x75, ...behind, 0x2e]);
}

/** A zip archive of stored files; with the numbers of ZIP64 in place of all that have one. */
function archive(files: Readonly<Record<string, Uint8Array>>, isLong = false): Buffer {
  const parts: Buffer[] = [];
  const list: Buffer[] = [];
  let place = 0;
  for (const [key, content] of Object.entries(files)) {
    const title = Buffer.from(key);
    const head = Buffer.alloc(30);
    head.writeUInt32LE(0x04034b50, 0);
    head.writeUInt16LE(title.length, 26);
    const extra = Buffer.alloc(isLong ? 28 : 0);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(title.length, 28);
    entry.writeUInt16LE(extra.length, 30);
    const numbers = [content.length, content.length, place];
    [24, 20, 42].forEach((field, i) => entry.writeUInt32LE(isLong ? 0xffffffff : numbers[i]!, field));
    if (isLong) {
      extra.writeUInt16LE(1, 0);
      extra.writeUInt16LE(24, 2);
      numbers.forEach((number, i) => extra.writeBigUInt64LE(BigInt(number), 4 + 8 * i));
    }
    list.push(entry, title, extra);
    parts.push(head, title, Buffer.from(content));
    place += head.length + title.length + content.length;
  }
  const size = list.reduce((sum, { length }) => sum + length, 0);
  const count = Object.keys(files).length;
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(isLong ? 0xffff : count, 10);
  end.writeUInt32LE(isLong ? 0xffffffff : size, 12);
  end.writeUInt32LE(isLong ? 0xffffffff : place, 16);
  if (!isLong) return Buffer.concat([...parts, ...list, end]);
  const long = Buffer.alloc(56);
  long.writeUInt32LE(0x06064b50, 0);
  [count, size, place].forEach((number, i) => long.writeBigUInt64LE(BigInt(number), 32 + 8 * i));
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(BigInt(place + size), 8);
  return Buffer.concat([...parts, ...list, long, locator, end]);
}

/** Refused as a file that is broken, or of another kind. */
function isRefusal(error: unknown): boolean {
  return error instanceof KvasirError && ['invalid_model', 'unsupported_model'].includes(error.code);
}

async function readAll(file: string): Promise<void> {
  const opened = await TorchFile.open(file);
  try {
    for (const [key, { type }] of opened.tensors)
      if (['F32', 'F16', 'BF16'].includes(type)) await opened.weight(key).load();
  } finally {
    await opened.close();
  }
}

t.test('what PyTorch wrote', async t => {
  for (const [file, width, type] of [
    ['sparse_linear.pt', 1, 'F32'],
    ['colbert_linear.pt', 6, 'F16'],
  ] as const) {
    const opened = await TorchFile.open(path.join(FIXTURES, file));
    t.teardown(() => opened.close());
    t.strictSame([...opened.tensors.keys()], ['weight', 'bias']);
    t.match(opened.tensors.get('weight'), { type, shape: [width, 16] });
    t.match(opened.tensors.get('bias'), { type, shape: [width] });
    const { load } = opened.weight('weight');
    const all = await load();
    t.equal(all.length, 16 * width);
    t.strictSame(await load(3, 9), all.slice(3, 9));
  }
});

t.test(
  'a whole model: integers, views of one storage, and a matrix that is stored the other way round',
  async t => {
    const file = await TorchFile.open(path.join(FIXTURES, 'pytorch_model.bin'));
    t.teardown(() => file.close());
    const layer = 'encoder.layer.0';
    const [query, key] = ['query', 'key'].map(side => `${layer}.attention.self.${side}.weight`) as [
      string,
      string,
    ];
    t.equal(file.tensors.get(query)!.storage, file.tensors.get(key)!.storage);
    t.not(file.tensors.get(query)!.first, file.tensors.get(key)!.first);
    const turned = `${layer}.intermediate.dense.weight`;
    const { shape, strides } = file.tensors.get(turned)!;
    t.strictSame(strides, [1, shape[0]]);
    const { load } = file.weight(turned);
    const all = await load();
    t.equal(all.length, shape[0]! * shape[1]!);
    t.strictSame(await load(5, 40), all.slice(5, 40));
    const ids = 'embeddings.position_ids';
    t.match(file.tensors.get(ids), { type: 'I64', shape: [1, 64] });
    t.equal(file.bytesOf(ids), 8 * 64);
    t.throws(() => file.weight(ids), {
      code: 'unsupported_model',
      message: /'embeddings\.position_ids' is I64/,
    });
  },
);

t.test('elements are found by their strides', async t => {
  const folder = t.testdir();
  const stored = Float32Array.from({ length: 100 }, (_, i) => i / 4);
  const view = fc.record({
    first: fc.nat(20),
    shape: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
  });
  let count = 0;
  await fc.assert(
    fc.asyncProperty(view, fc.boolean(), async ({ first, shape }, isLong) => {
      // The first axis is the fastest.
      const strides = shape.map((_, axis) =>
        shape.slice(0, axis).reduce((product, size) => product * size, 1),
      );
      const file = path.join(folder, `${count++}.bin`);
      await writeFile(
        file,
        archive(
          {
            'a/data.pkl': pickle({ x: tensor({ first, shape, strides }) }),
            'a/data/0': new Uint8Array(stored.buffer),
          },
          isLong,
        ),
      );
      const opened = await TorchFile.open(file);
      const { load } = opened.weight('x');
      const all = await load();
      all.forEach((value, element) => {
        let [place, rest] = [first, element];
        for (let axis = shape.length - 1; axis >= 0; axis--) {
          place += (rest % shape[axis]!) * strides[axis]!;
          rest = Math.floor(rest / shape[axis]!);
        }
        t.equal(value, stored[place]);
      });
      t.strictSame(await load(1, all.length), all.slice(1));
      await opened.close();
    }),
    runs(100),
  );
});

t.test('dicts of tensors', async t => {
  const dict = fc.dictionary(
    fc.string({ maxLength: 9 }),
    fc.record({
      storage: fc.constantFrom('FloatStorage', 'HalfStorage', 'BFloat16Storage'),
      first: fc.nat(20),
      shape: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
    }),
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(dict, entries => {
      const read = readStateDict(
        'file',
        pickle(Object.fromEntries(Object.entries(entries).map(([key, stored]) => [key, tensor(stored)]))),
      );
      t.strictSame([...read.keys()].sort(), Object.keys(entries).sort());
      for (const [key, { first, shape }] of Object.entries(entries)) {
        t.equal(read.get(key)!.first, first);
        t.strictSame(read.get(key)!.shape, shape);
      }
    }),
    runs(200),
  );
});

t.test('what is no dict of tensors is refused by its name', async t => {
  const weight = tensor({ shape: [2, 3] });
  const cases: [Uint8Array, string, RegExp][] = [
    [
      Uint8Array.from([0x80, 2, ...name('os', 'system'), ...tuple(text('true')), 0x52, 0x2e]),
      'unsupported_model',
      /names 'os\.system', which is not run/,
    ],
    [pickle({ x: name('torch', 'load') }), 'unsupported_model', /names 'torch\.load'/],
    [pickle({ x: name('builtins', 'eval') }), 'unsupported_model', /names 'builtins\.eval'/],
    [
      pickle({ x: tensor({ shape: [2], storage: 'ComplexFloatStorage' }) }),
      'unsupported_model',
      /ComplexFloatStorage/,
    ],
    [pickle({ x: tensor({ shape: [50, 3], strides: [0, 1] }) }), 'invalid_model', /broken/],
    [pickle({ x: tensor({ shape: [2, 2], strides: [99, 1] }) }), 'invalid_model', /broken/],
    [pickle({ x: int(3) }), 'unsupported_model', /under 'x' that is no tensor/],
    [Uint8Array.from([0x80, 2, ...weight, 0x2e]), 'unsupported_model', /no dict of tensors/],
    [Uint8Array.from([0x80, 4, 0x95, 0x2e]), 'unsupported_model', /protocol 2/],
    [
      pickle({ weight }, [0x7d, ...text('__class__'), ...int(1), 0x73, 0x62]),
      'unsupported_model',
      /attribute '__class__'/,
    ],
    [Uint8Array.from([0x80, 2, 0x69, 0x2e]), 'unsupported_model', /operation 0x69/],
    [pickle({ x: tensor({ shape: [101] }) }), 'invalid_model', /broken/],
    [pickle({ x: tensor({ shape: [99], first: 2 }) }), 'invalid_model', /broken/],
    [pickle({ x: tensor({ shape: [-1] }) }), 'invalid_model', /broken/],
    [pickle({ weight }).slice(0, -1), 'invalid_model', /broken/],
    [Uint8Array.from([0x80, 2, 0x68, 7, 0x2e]), 'invalid_model', /broken/],
  ];
  for (const [bytes, code, message] of cases) t.throws(() => readStateDict('file', bytes), { code, message });
  t.strictSame([...readStateDict('file', pickle({ weight })).keys()], ['weight']);
});

t.test('bytes of any kind end in a refusal', async t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), bytes => {
      try {
        readStateDict('file', Uint8Array.from([0x80, 2, ...bytes]));
      } catch (error) {
        t.ok(isRefusal(error), String(error));
      }
    }),
    runs(2000),
  );
});

t.test('files that are cut or damaged are read or refused', async t => {
  const wholes = await Promise.all(NAMES.map(file => readFile(path.join(FIXTURES, file))));
  const file = path.join(t.testdir(), 'damaged.pt');
  await fc.assert(
    fc.asyncProperty(
      fc.nat(2),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      fc.option(fc.nat(), { nil: undefined }),
      async (which, changes, cut) => {
        const bytes = Buffer.from(wholes[which]!);
        for (const [place, value] of changes) bytes[place % bytes.length] = value;
        await writeFile(file, cut === undefined ? bytes : bytes.subarray(0, cut % bytes.length));
        try {
          await readAll(file);
        } catch (error) {
          t.ok(isRefusal(error), String(error));
          return;
        }
        t.equal(cut, undefined, 'a file that is cut is never read');
      },
    ),
    runs(400),
  );
});

t.test('what PyTorch writes no more, and other zips', async t => {
  const folder = t.testdir();
  const refuse = async (content: Uint8Array, code: string, message: RegExp): Promise<void> => {
    const file = path.join(folder, 'odd.pt');
    await writeFile(file, content);
    await t.rejects(TorchFile.open(file), { code, message });
  };
  const whole = await readFile(path.join(FIXTURES, 'sparse_linear.pt'));
  await refuse(Buffer.alloc(100), 'invalid_model', /before 1\.6 are not read/);
  await refuse(Buffer.alloc(3), 'invalid_model', /3 bytes are no zip archive/);
  const central = whole.indexOf('PK\u0001\u0002', 0, 'latin1');
  const compressed = Buffer.from(whole);
  compressed[central + 10] = 8;
  await refuse(compressed, 'unsupported_model', /compressed/);
  const big = Buffer.from(whole.toString('latin1').replace(/little/g, 'big   '), 'latin1');
  await refuse(big, 'unsupported_model', /not little-endian/);
  const two = { 'a/data.pkl': pickle({}), 'a/data/0': Uint8Array.of(1, 2, 3, 4) };
  for (const isLong of [false, true]) {
    const fine = archive(two, isLong);
    await writeFile(path.join(folder, 'fine.pt'), fine);
    await (await TorchFile.open(path.join(folder, 'fine.pt'))).close();
    // The name of a file in front of its bytes, and the place of the second one.
    const renamed = Buffer.from(fine);
    renamed[30] = 0x62;
    await refuse(renamed, 'invalid_model', /no file where 'a\/data\.pkl' should be/);
    const moved = Buffer.from(fine);
    const second = moved.indexOf(
      'PK\u0001\u0002',
      moved.indexOf('PK\u0001\u0002', 0, 'latin1') + 4,
      'latin1',
    );
    moved.writeUInt32LE(3, isLong ? second + 46 + 8 + 4 + 16 : second + 42);
    await refuse(moved, 'invalid_model', /no file where|overlap/);
  }
  const lost = archive(two, true);
  lost.writeUInt32LE(0, lost.length - 42);
  await refuse(lost, 'invalid_model', /a record is missing/);
  const far = archive(two, true);
  far.writeUInt32LE(0xffff, far.length - 30);
  await refuse(far, 'invalid_model', /beyond the file/);
  const nameless = Buffer.from(whole.toString('latin1').replace(/data\.pkl/g, 'data.txt'), 'latin1');
  await refuse(nameless, 'invalid_model', /no data\.pkl/);
});
