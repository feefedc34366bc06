import { sizeOfType, type GgufType } from '#gguf/types.js';

/** Types of metadata, by their numbers in files. */
const VALUE_NUMBERS = {
  uint8: 0,
  int8: 1,
  uint16: 2,
  int16: 3,
  uint32: 4,
  int32: 5,
  float32: 6,
  bool: 7,
  string: 8,
  array: 9,
  uint64: 10,
  int64: 11,
  float64: 12,
} as const;

export const TYPE_NUMBERS: Readonly<Partial<Record<GgufType, number>>> = {
  F32: 0,
  F16: 1,
  Q4_0: 2,
  Q4_1: 3,
  Q5_0: 6,
  Q5_1: 7,
  Q8_0: 8,
  Q2_K: 10,
  Q3_K: 11,
  Q4_K: 12,
  Q5_K: 13,
  Q6_K: 14,
  IQ2_XXS: 16,
  IQ4_NL: 20,
  IQ4_XS: 23,
  I32: 26,
  BF16: 30,
  MXFP4: 39,
};

/** A value to be written, with its type; a list has the type of its elements. */
export type TestValue =
  | { readonly type: Exclude<keyof typeof VALUE_NUMBERS, 'array'>; readonly value: unknown }
  | { readonly type: 'array'; readonly of: keyof typeof VALUE_NUMBERS; readonly value: readonly unknown[] };

/** A tensor as its bytes. */
export interface TestGgufTensor {
  readonly type: GgufType | number;
  /** Row-major. */
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
  /** Where it is said to begin, if not behind the one before it. */
  readonly offset?: number;
}

/** What a file is made of; all but metadata and tensors can be wrong on purpose. */
export interface TestGguf {
  readonly metadata?: Readonly<Record<string, TestValue>> | readonly (readonly [string, TestValue])[];
  readonly tensors?:
    Readonly<Record<string, TestGgufTensor>> | readonly (readonly [string, TestGgufTensor])[];
  readonly magic?: string;
  readonly version?: number;
  readonly keys?: bigint;
  readonly tensorCount?: bigint;
  readonly alignment?: number;
}

/** A GGUF file, right or wrong. */
export function gguf({
  metadata = {},
  tensors = {},
  magic = 'GGUF',
  version = 3,
  keys,
  tensorCount,
  alignment = 32,
}: TestGguf): Buffer {
  const values = isList(metadata) ? metadata : Object.entries(metadata);
  const described = isList(tensors) ? tensors : Object.entries(tensors);
  const parts = [
    Buffer.from(magic, 'latin1'),
    uint32(version),
    uint64(tensorCount ?? described.length),
    uint64(keys ?? values.length),
  ];
  for (const [key, value] of values) parts.push(text(key), ...typedValue(value));
  let place = 0;
  for (const [name, { type, shape, bytes, offset = place }] of described) {
    parts.push(text(name), uint32(shape.length), ...[...shape].reverse().map(uint64));
    parts.push(uint32(typeof type === 'number' ? type : TYPE_NUMBERS[type]!), uint64(offset));
    place = offset + bytes.byteLength + padding(bytes.byteLength, alignment);
  }
  const header = Buffer.concat(parts);
  const body = described.map(([, { bytes }]) => padded(bytes, alignment));
  return Buffer.concat([padded(header, alignment), ...body]);
}

/** A tensor of zeros. */
export function zeros(type: GgufType, shape: readonly number[]): TestGgufTensor {
  const { blockSize, blockBytes } = sizeOfType(type);
  const elements = shape.reduce((product, size) => product * size, 1);
  return { type, shape, bytes: new Uint8Array((elements / blockSize) * blockBytes) };
}

function isList<T>(
  entries: Readonly<Record<string, T>> | readonly (readonly [string, T])[],
): entries is readonly (readonly [string, T])[] {
  return Array.isArray(entries);
}

function typedValue(value: TestValue): Buffer[] {
  return [uint32(VALUE_NUMBERS[value.type]), ...plainValue(value)];
}

function plainValue(value: TestValue): Buffer[] {
  if (value.type === 'array') return list(value);
  if (value.type === 'string') return [text(value.value as string | Uint8Array)];
  if (value.type === 'bool') return [Buffer.of(Number(value.value))];
  return [number(value.type, value.value)];
}

function list(value: TestValue & { type: 'array' }): Buffer[] {
  return [
    uint32(VALUE_NUMBERS[value.of]),
    uint64(value.value.length),
    ...value.value.flatMap(element =>
      plainValue(value.of === 'array' ? (element as TestValue) : { type: value.of, value: element }),
    ),
  ];
}

type NumberType = Exclude<keyof typeof VALUE_NUMBERS, 'array' | 'string' | 'bool'>;

function number(type: NumberType, value: unknown): Buffer {
  const bytes = Buffer.alloc(8);
  const small = value as number;
  const large = (): bigint => BigInt(value as bigint);
  const end = {
    uint8: () => bytes.writeUInt8(small),
    int8: () => bytes.writeInt8(small),
    uint16: () => bytes.writeUInt16LE(small),
    int16: () => bytes.writeInt16LE(small),
    uint32: () => bytes.writeUInt32LE(small),
    int32: () => bytes.writeInt32LE(small),
    float32: () => bytes.writeFloatLE(small),
    float64: () => bytes.writeDoubleLE(small),
    int64: () => bytes.writeBigInt64LE(large()),
    uint64: () => bytes.writeBigUInt64LE(large()),
  }[type]();
  return bytes.subarray(0, end);
}

function text(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([uint64(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  return number('uint32', value);
}

function uint64(value: number | bigint): Buffer {
  return number('uint64', value);
}

function padded(bytes: Uint8Array, alignment: number): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(padding(bytes.byteLength, alignment))]);
}

function padding(length: number, alignment: number): number {
  return (alignment - (length % alignment)) % alignment;
}
