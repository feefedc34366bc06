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
const NAMES = ['sparse_linear.pt', 'colbert_linear.pt'];

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

/** Refused as a file that is broken, or of another kind. */
function isRefusal(error: unknown): boolean {
  return error instanceof KvasirError && ['invalid_model', 'unsupported_model'].includes(error.code);
}

async function readAll(file: string): Promise<void> {
  const opened = await TorchFile.open(file);
  try {
    for (const key of opened.tensors.keys()) await opened.weight(key).load();
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
    [pickle({ x: tensor({ shape: [2], storage: 'LongStorage' }) }), 'unsupported_model', /LongStorage/],
    [pickle({ x: tensor({ shape: [2, 3], strides: [1, 2] }) }), 'unsupported_model', /not stored row by row/],
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
      fc.nat(1),
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
  const nameless = Buffer.from(whole.toString('latin1').replace(/data\.pkl/g, 'data.txt'), 'latin1');
  await refuse(nameless, 'invalid_model', /no data\.pkl/);
});
