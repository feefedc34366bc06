/**
 * How embeddings travel: as a list of numbers, or as the base64 of little-endian single-precision floats,
 * four times shorter.
 */
export type EmbeddingFormat = 'float' | 'base64';

export function formatEmbedding(vector: Float32Array, format: EmbeddingFormat): number[] | string {
  return format === 'float' ? Array.from(vector) : base64(vector);
}

function base64(vector: Float32Array): string {
  const bytes = Buffer.allocUnsafe(vector.length * Float32Array.BYTES_PER_ELEMENT);
  vector.forEach((value, index) => bytes.writeFloatLE(value, index * Float32Array.BYTES_PER_ELEMENT));
  return bytes.toString('base64');
}
