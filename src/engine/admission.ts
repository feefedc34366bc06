import { contextLengthExceeded, KvasirError, invalidRequest } from '#errors.js';
import type { Decoder, DecoderShape } from '#model/decoder/contract.js';

/**
 * Checks what a decoder would not.
 *
 * @throws KvasirError `invalid_request` where a prompt is empty or has ids outside of the vocabulary,
 * `context_length_exceeded`
 */
export function checkPrompt(
  promptIds: readonly number[],
  { contextLength, vocabularySize }: Pick<DecoderShape, 'contextLength' | 'vocabularySize'>,
): void {
  if (promptIds.length === 0) throw invalidRequest('prompt', 'the prompt has no tokens');
  const stray = promptIds.find(id => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
  if (stray !== undefined)
    throw invalidRequest(
      'prompt',
      `token id ${stray} is outside of the vocabulary, 0 to ${vocabularySize - 1}`,
    );
  if (promptIds.length >= contextLength)
    throw contextLengthExceeded(
      'prompt',
      `the prompt has ${promptIds.length} tokens; the model's context of ${contextLength} tokens must hold it and at least one more`,
      promptIds.length,
      contextLength,
    );
}

/**
 * How many tokens of all sequences together may be in a decoder's cache.
 *
 * @param wanted what the options allow.
 * @param draftTokens longest draft: one that turned out wrong may lie in the cache behind each sequence.
 * @throws KvasirError `invalid_configuration` where they cannot hold one sequence.
 */
export function cacheCapacity(
  { slots, shape, traits }: Pick<Decoder, 'slots' | 'shape' | 'traits'>,
  wanted: number,
  draftTokens: number,
): number {
  const { contextLength } = shape;
  const capacity = Math.min(wanted, traits.cacheTokens - slots * draftTokens, slots * contextLength);
  if (capacity < contextLength)
    throw new KvasirError(
      'invalid_configuration',
      `a KV cache of ${capacity} tokens cannot hold one sequence of ${contextLength}`,
    );
  return capacity;
}
