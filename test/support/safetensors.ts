import { writeFile } from 'node:fs/promises';

/** A tensor of a test's checkpoint, row-major. */
export interface TestTensor {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

export type TestTensors = Readonly<Record<string, TestTensor>>;

export type StoredType = 'F32' | 'F16' | 'BF16';

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
  const header: Record<string, unknown> = {};
  const parts: Buffer[] = [];
  let end = 0;
  for (const [name, { shape, values }] of Object.entries(tensors)) {
    const bytes = encode(values, type);
    header[name] = { dtype: type, shape, data_offsets: [end, end + bytes.length] };
    parts.push(bytes);
    end += bytes.length;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  await writeFile(file, Buffer.concat([length, json, ...parts]));
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
