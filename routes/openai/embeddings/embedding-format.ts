import { endianness } from 'node:os';
import { floatBytes, type FloatType } from '#results/float-bytes.js';

/** How embeddings are written as bytes, as vLLM's fields say it. */
export interface ByteFormat {
  /** Number format; by default single precision. */
  readonly embed_dtype?: FloatType | null | undefined;
  /** By default little-endian. */
  readonly endianness?: 'native' | 'little' | 'big' | null | undefined;
}

/** An embedding as a list of numbers, or as the base64 of its bytes: a quarter of the size. */
export function formatEmbedding(
  vector: Float32Array,
  format: 'float' | 'base64',
  bytes: ByteFormat = {},
): number[] | string {
  return format === 'float' ? Array.from(vector) : embeddingBytes(vector, bytes).toString('base64');
}

export function embeddingBytes(vector: Float32Array, format: ByteFormat): Buffer {
  return floatBytes(vector, format.embed_dtype ?? 'float32', byteOrder(format) === 'big');
}

/** The order of bytes that is asked for. */
export function byteOrder({ endianness: order }: ByteFormat): 'little' | 'big' {
  if (order === 'native') return endianness() === 'BE' ? 'big' : 'little';
  return order ?? 'little';
}
