import { writeFile } from 'node:fs/promises';
import { SafetensorsFile, type SafetensorsType } from '#graph/weights/safetensors.js';

/** A tensor of a test's checkpoint, row-major. */
export interface TestTensor {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

export type TestTensors = Readonly<Record<string, TestTensor>>;

export type StoredType = 'F32' | 'F16' | 'BF16';

/** A tensor as its bytes, of any type. */
export interface StoredTensor {
  readonly type: SafetensorsType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/**
 * Writes tensors to a safetensors file.
 *
 * @param type for F16 and BF16, values must be multiples of 1/64 in (-2, 2), which both hold exactly.
 */
export async function writeSafetensors(
  file: string,
  tensors: TestTensors,
  type: StoredType = 'F32',
): Promise<void> {
  const stored = Object.entries(tensors).map(([name, { shape, values }]) => [
    name,
    { type, shape, bytes: encode(values, type) },
  ]);
  await writeFile(file, safetensors(Object.fromEntries(stored) as Record<string, StoredTensor>));
}

/** All tensors of a safetensors file of floats. */
export async function readSafetensors(file: string): Promise<TestTensors> {
  const opened = await SafetensorsFile.open(file);
  try {
    const tensors: Record<string, TestTensor> = {};
    for (const [name, { shape }] of opened.tensors)
      tensors[name] = { shape, values: [...(await opened.read(name))] };
    return tensors;
  } finally {
    await opened.close();
  }
}

/** A tensor of single-precision floats. */
export function f32(shape: readonly number[], values: readonly number[]): StoredTensor {
  return { type: 'F32', shape, bytes: encode(values, 'F32') };
}

/** A safetensors file with the tensors one after another. */
export function safetensors(
  tensors: Readonly<Record<string, StoredTensor>>,
  metadata?: Readonly<Record<string, string>>,
): Buffer {
  let end = 0;
  const header: Record<string, unknown> = metadata === undefined ? {} : { __metadata__: metadata };
  for (const [name, { type, shape, bytes }] of Object.entries(tensors))
    header[name] = { dtype: type, shape, data_offsets: [end, (end += bytes.byteLength)] };
  return withHeader(JSON.stringify(header), Buffer.concat(Object.values(tensors).map(({ bytes }) => bytes)));
}

/** A safetensors file with any header, right or wrong. */
export function withHeader(header: string, body: Uint8Array = new Uint8Array()): Buffer {
  const text = Buffer.from(header, 'utf8');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.byteLength));
  return Buffer.concat([length, text, body]);
}

function encode(values: readonly number[], type: StoredType): Buffer {
  const floats = Float32Array.from(values);
  if (type === 'F32') return Buffer.from(floats.buffer);
  const bits = new Uint32Array(floats.buffer);
  return Buffer.from(Uint16Array.from(bits, type === 'BF16' ? word => word >>> 16 : float16Bits).buffer);
}

/** Half-precision bits of a single-precision number, given as bits, that is 0 or normal and exact in half precision. */
function float16Bits(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  if ((word & 0x7fffffff) === 0) return sign;
  const exponent = ((word >>> 23) & 0xff) - 127 + 15;
  return sign | (exponent << 10) | ((word >>> 13) & 0x3ff);
}
