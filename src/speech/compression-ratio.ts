import { deflateSync } from 'node:zlib';

/** A text's bytes by those of its zlib form: what says the same again and again has much of it. 0 of no text. */
export function compressionRatio(text: string): number {
  const bytes = Buffer.from(text);
  return bytes.length / deflateSync(bytes).length;
}
