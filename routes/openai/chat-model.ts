import type { FastifyRequest } from 'fastify';
import type { GenerationModel } from '#registry/types.js';

/**
 * The model for a conversation. One that was named but has no chat template is refused by `chatJob`, which
 * says what to do.
 */
export function chatModel(
  request: FastifyRequest,
  name: string | null | undefined,
): Promise<GenerationModel> {
  return request.model(typeof name === 'string' ? 'complete' : 'chat');
}
