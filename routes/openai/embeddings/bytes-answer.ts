import type { FastifyReply } from 'fastify';
import { invalidRequest } from '#errors.js';
import type { InputUsage } from '../input-usage.js';
import { resultListHead } from '../result-list.js';
import { byteOrder, embeddingBytes, type ByteFormat } from './embedding-format.js';

/** Longest description: clients take no more in a header. */
const MAX_METADATA = 8192;

/**
 * Sends embeddings as bytes, one behind the other, as vLLM does.
 *
 * @param isDescribed whether the header `metadata` says as JSON where each of them is.
 * @throws KvasirError `invalid_request` where there are too many to be described
 */
export function sendBytes(
  reply: FastifyReply,
  model: string,
  vectors: readonly Float32Array[],
  format: ByteFormat,
  usage: InputUsage,
  isDescribed: boolean,
): FastifyReply {
  const parts = vectors.map(vector => embeddingBytes(vector, format));
  if (isDescribed) {
    let end = 0;
    const data = parts.map((part, index) => ({
      index,
      embed_dtype: format.embed_dtype ?? 'float32',
      endianness: byteOrder(format),
      start: end,
      end: (end += part.length),
      shape: [vectors[index]!.length],
    }));
    const { object: _, ...head } = resultListHead('embd', model);
    const metadata = JSON.stringify({ ...head, data, usage });
    if (metadata.length > MAX_METADATA)
      throw invalidRequest(
        'encoding_format',
        `encoding_format: bytes of ${vectors.length} embeddings cannot be described in a header; use bytes_only or base64`,
      );
    void reply.header('metadata', metadata);
  }
  return reply.type('application/octet-stream').send(Buffer.concat(parts));
}
