import { contextLengthExceeded, KvasirError, invalidRequest } from '#errors.js';
import { sourceOf } from './source.js';
import type { AlignRequest, GenerationRequest } from './types.js';
import type {
  Decoder,
  DecoderShape,
  SoundSource,
  SourceTraits,
  WaveformShape,
} from '#model/decoder/contract.js';

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
  checkIds(promptIds, vocabularySize);
  if (promptIds.length >= contextLength)
    throw contextLengthExceeded(
      'prompt',
      `the prompt has ${promptIds.length} tokens; the model's context of ${contextLength} tokens must hold it and at least one more`,
      promptIds.length,
      contextLength,
    );
}

/**
 * Checks the source of a request: there is one exactly where the decoder attends to one, and of its kind.
 *
 * @throws KvasirError `invalid_request` where it is not so, the source is empty or has ids outside of the
 * vocabulary, or sound is not of the decoder's shape; `context_length_exceeded`
 */
export function checkSource(
  { sourceIds, sound }: Pick<GenerationRequest, 'sourceIds' | 'sound'>,
  traits: SourceTraits | undefined,
): void {
  checkSound(sound, traits);
  if (sound === undefined) checkSourceIds(sourceIds, traits);
  else if (sourceIds !== undefined) throw invalidRequest('prompt', 'the model hears: it reads no source');
}

/** Checks whether there is sound where the decoder hears, and nowhere else. */
function checkSound(sound: SoundSource | undefined, traits: SourceTraits | undefined): void {
  const shape = traits?.sound;
  if (shape === undefined && sound === undefined) return;
  if (shape === undefined) throw invalidRequest('file', 'the model hears nothing');
  if (sound === undefined) throw invalidRequest('file', 'the model needs something to hear');
  const { length } = sound.features;
  if ('positions' in shape) return checkWaveform(length, shape);
  if (length !== shape.bins * shape.frames)
    throw invalidRequest(
      'file',
      `the sound has ${length} features, expected ${shape.bins} for each of ${shape.frames} frames`,
    );
}

function checkWaveform(length: number, { shortest, longest }: WaveformShape): void {
  if (length < shortest || length > longest)
    throw invalidRequest(
      'file',
      `the sound has ${length} samples, and the model hears ${shortest} to ${longest} at once`,
    );
}

function checkSourceIds(sourceIds: readonly number[] | undefined, traits: SourceTraits | undefined): void {
  if (traits === undefined && sourceIds === undefined) return;
  if (traits === undefined)
    throw invalidRequest('prompt', 'the model continues its prompt: it reads no source');
  if (sourceIds === undefined) throw invalidRequest('prompt', 'the model needs a source to read');
  checkIds(sourceIds, traits.vocabularySize);
  const { longest } = traits;
  if (sourceIds.length > longest)
    throw contextLengthExceeded(
      'prompt',
      `the prompt has ${sourceIds.length} tokens, and the model reads no more than ${longest}`,
      sourceIds.length,
      longest,
    );
}

/**
 * Checks what a request watches, if anything.
 *
 * @throws KvasirError `invalid_request` where it is not behind a token of the prompt, or not in the vocabulary.
 */
export function checkWatch(
  { watch, promptIds }: Pick<GenerationRequest, 'watch' | 'promptIds'>,
  { vocabularySize }: Pick<DecoderShape, 'vocabularySize'>,
): void {
  if (watch === undefined) return;
  const { position, ids } = watch;
  if (!(Number.isInteger(position) && position >= 0 && position < promptIds.length))
    throw invalidRequest('prompt', `position ${position} is not in the prompt of ${promptIds.length} tokens`);
  checkIds(ids, vocabularySize);
}

/**
 * Checks a text that is to be held against its sound.
 *
 * @throws KvasirError `invalid_request`, `context_length_exceeded`
 */
export function checkAlignment(
  { ids, belowId, sound }: AlignRequest,
  { shape, source }: Pick<Decoder, 'shape' | 'source'>,
): void {
  const { vocabularySize, contextLength } = shape;
  checkSource({ sound }, source);
  checkIds(ids, vocabularySize);
  if (ids.length > contextLength)
    throw contextLengthExceeded(
      'prompt',
      `the text has ${ids.length} tokens, and the model's context is ${contextLength}`,
      ids.length,
      contextLength,
    );
  if (!(Number.isInteger(belowId) && belowId >= 1 && belowId <= vocabularySize))
    throw invalidRequest('prompt', `probabilities of ids below ${belowId} are not to be had`);
}

function checkIds(ids: readonly number[], vocabularySize: number): void {
  if (ids.length === 0) throw invalidRequest('prompt', 'the prompt has no tokens');
  const stray = ids.find(id => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
  if (stray !== undefined)
    throw invalidRequest(
      'prompt',
      `token id ${stray} is outside of the vocabulary, 0 to ${vocabularySize - 1}`,
    );
}

/**
 * Checks the beam search of a request, if it wants one.
 *
 * @param cacheTokens that may be in the cache.
 * @throws KvasirError `invalid_request` where there are not as many slots, the cache cannot hold all beams at
 * their longest, or what is asked for with them cannot be combined.
 */
export function checkBeams(
  request: GenerationRequest,
  { slots, shape, source }: Pick<Decoder, 'slots' | 'shape' | 'source'>,
  cacheTokens: number,
): void {
  const { beams, promptIds, stop, constraint, promptLogprobs } = request;
  if (beams === undefined) return;
  const { width, results } = beams;
  if (!(Number.isInteger(width) && width >= 1))
    throw invalidRequest('n', `n is ${width}, expected the number of beams`);
  if (width > slots) throw invalidRequest('n', `n: ${width} beams are more than the model's ${slots} slots`);
  if (!(Number.isInteger(results) && results >= 1 && results <= width))
    throw invalidRequest('n', `n: ${results} texts are not to be had from ${width} beams`);
  if (!Number.isFinite(beams.lengthPenalty))
    throw invalidRequest('length_penalty', 'length_penalty must be a finite number');
  const sourceLength = sourceOf(request, source)?.length ?? 0;
  const longest = sourceLength + Math.min(promptIds.length + stop.maxTokens, shape.contextLength);
  if (width * longest > cacheTokens)
    throw invalidRequest(
      'n',
      `n: ${width} beams of up to ${longest} tokens do not fit into the KV cache of ${cacheTokens} tokens; a smaller max_tokens lets more of them in`,
    );
  if (stop.stopStrings.length > 0)
    throw invalidRequest('stop', 'beam search ends at stop tokens only: stop must be left out');
  if (constraint !== undefined && constraint.fork === undefined)
    throw invalidRequest('use_beam_search', 'beam search and a structure of the text cannot be combined');
  if (promptLogprobs !== undefined)
    throw invalidRequest('prompt_logprobs', 'beam search does not report prompt_logprobs');
}

/**
 * How many tokens of all sequences together may be in a decoder's cache, those of sources included.
 *
 * @param wanted what the options allow.
 * @param draftTokens longest draft: one that turned out wrong may lie in the cache behind each sequence.
 * @throws KvasirError `invalid_configuration` where they cannot hold one sequence.
 */
export function cacheCapacity(
  { slots, shape, traits, source }: Pick<Decoder, 'slots' | 'shape' | 'traits' | 'source'>,
  wanted: number,
  draftTokens: number,
): number {
  const longest = shape.contextLength + (source?.longest ?? 0);
  const capacity = Math.min(wanted, traits.cacheTokens - slots * draftTokens, slots * longest);
  if (capacity < longest)
    throw new KvasirError(
      'invalid_configuration',
      `a KV cache of ${capacity} tokens cannot hold one sequence of ${longest}${source ? ', its source included' : ''}`,
    );
  return capacity;
}
