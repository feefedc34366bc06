import type { OneShotInput } from '#batching/types.js';
import type { Caller } from '#caller.js';
import type { EncoderInput } from '#model/encoder/contract.js';
import type { EncoderModel } from '#registry/types.js';
import type { OneShotModel, VisionModel } from '#registry/vision-types.js';
import type { InputLimit, Source } from '#text/inputs.js';
import type { PromptFields } from './prompt.js';
import { readWritten } from './read-written.js';
import { isPictureSource, type InputSource } from '../pictures/picture-source.js';
import { readPictures } from '../pictures/read-pictures.js';

/** What a request wants read, as the model takes it. */
export interface ReadInputs {
  /** In the order of the sources. */
  readonly inputs: OneShotInput[];
  /** Of all of them together; of a picture, what the model makes of it. */
  readonly tokens: number;
}

/**
 * Reads texts into ids and pictures into pixels.
 *
 * @param model one that reads whatever there is of both.
 * @param prompt of a model that reads texts as a chat template writes them.
 * @throws KvasirError as `encodeInput` and `PictureSource.pixels`
 */
export async function readInputs(
  model: OneShotModel,
  sources: readonly InputSource[],
  limit: InputLimit,
  caller: Caller,
  prompt?: PromptFields,
): Promise<ReadInputs> {
  const texts = sources.filter((source): source is Source => !isPictureSource(source));
  const pictures = sources.filter(isPictureSource);
  const [ids, pixels] = await Promise.all([
    texts.length === 0 ? [] : readTexts(model as EncoderModel, texts, limit, caller, prompt),
    pictures.length === 0 ? [] : readPictures(pictures, (model as VisionModel).vision.preprocessing, caller),
  ]);
  let tokens = 0;
  for (const input of ids) tokens += input.ids.length;
  for (const { width, height } of pixels) tokens += (model as VisionModel).vision.tokensOf(width, height);
  const [nextText, nextPicture] = [ids.values(), pixels.values()];
  const inputs = sources.map(source => (isPictureSource(source) ? nextPicture : nextText).next().value!);
  return { inputs, tokens };
}

function readTexts(
  model: EncoderModel,
  sources: readonly Source[],
  limit: InputLimit,
  caller: Caller,
  prompt?: PromptFields,
): Promise<EncoderInput[]> {
  if (model.pairs !== undefined) return readWritten(model, model.pairs, sources, limit, caller, prompt);
  return model.texts.map('encodeInput', sources, limit, caller, 'input');
}
