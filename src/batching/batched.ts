import { contextLengthExceeded, invalidRequest } from '#errors.js';
import type { Encoder, EncoderInput, EncoderOutput } from '#model/encoder/contract.js';
import type { PixelInput, VisionEncoder } from '#model/vision/contract.js';
import type { Batchable } from './scheduler.js';
import type { OneShotInput } from './types.js';

/** What the batcher runs: one or two encoders. */
export interface Batched {
  /**
   * @param index of the input in its request, for errors.
   * @throws KvasirError `invalid_request` for an input that the model does not take, `context_length_exceeded`
   */
  costOf(input: OneShotInput, index: number): Pick<Batchable, 'kind' | 'length'>;
  /** @param inputs all of one kind, and right. */
  run(inputs: readonly OneShotInput[]): Promise<EncoderOutput[]>;
  /** Makes runs under way fail soon, and all later ones at once. */
  abort(): void;
  dispose(): void;
}

/** The encoders of a model: of texts, of pictures, or of both. */
export interface Encoders {
  readonly texts?: Encoder | undefined;
  readonly pictures?: VisionEncoder | undefined;
}

/** A model's encoders as one: what a picture costs is counted in tokens as well, and only one size runs at a time. */
export function batched({ texts, pictures }: Encoders): Batched {
  return {
    costOf(input, index) {
      if (isPicture(input)) {
        if (pictures === undefined) throw invalidRequest('input', `input ${index} is a picture`);
        return pictureCost(pictures, input, index);
      }
      if (texts === undefined) throw invalidRequest('input', `input ${index} is a text`);
      checkText(texts, input, index);
      return { kind: 'text', length: input.ids.length };
    },
    // The batcher has asked for the cost of each, so that there is an encoder for them.
    run: inputs =>
      isPicture(inputs[0]!)
        ? pictures!.run(inputs as readonly PixelInput[])
        : texts!.run(inputs as readonly EncoderInput[]),
    abort() {
      texts?.abort();
      pictures?.abort();
    },
    dispose() {
      texts?.dispose();
      pictures?.dispose();
    },
  };
}

export function isPicture(input: OneShotInput): input is PixelInput {
  return 'pixels' in input;
}

function pictureCost(encoder: VisionEncoder, { width, height, pixels }: PixelInput, index: number) {
  const size = `${width}x${height}`;
  if (!encoder.takes(width, height))
    throw invalidRequest('input', `input ${index} has ${size} pixels, which the model does not take`);
  if (pixels.length !== 3 * width * height)
    throw invalidRequest('input', `input ${index} has ${pixels.length} bytes for ${size} pixels`);
  return { kind: size, length: encoder.tokensOf(width, height) };
}

function checkText(encoder: Encoder, { ids, typeIds, positions }: EncoderInput, index: number): void {
  const { task, contextLength, vocabularySize, segments } = encoder;
  const invalid = (fault: string): never => {
    throw invalidRequest('input', `input ${index} ${fault}`);
  };
  if (ids.length === 0) invalid('has no tokens');
  if (ids.length > contextLength)
    throw contextLengthExceeded(
      'input',
      `input ${index} has ${ids.length} tokens; the model takes ${contextLength} at most`,
      ids.length,
      contextLength,
    );
  const outside = (values: readonly number[], limit: number): number | undefined =>
    values.find(value => !Number.isInteger(value) || value < 0 || value >= limit);
  const id = outside(ids, vocabularySize);
  if (id !== undefined) invalid(`has the token id ${id}; the vocabulary has 0 to ${vocabularySize - 1}`);
  if (typeIds !== undefined) {
    if (typeIds.length !== ids.length) invalid(`has ${typeIds.length} segments for ${ids.length} tokens`);
    if (segments > 1 && outside(typeIds, segments) !== undefined)
      invalid(`has segments other than 0 to ${segments - 1}`);
  }
  if (task !== 'fill-mask') return;
  if (positions === undefined || positions.length === 0) invalid('names no position to fill');
  else if (outside(positions, ids.length) !== undefined) invalid('names a position that it has not');
}
