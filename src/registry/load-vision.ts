import { basename, resolve } from 'node:path';
import { batched } from '#batching/batched.js';
import { BatchingEncoder } from '#batching/batching-encoder.js';
import { loadTowers } from '#model/vision/load-towers.js';
import { loadVision } from '#model/vision/load-vision.js';
import type { VisionEncoder } from '#model/vision/contract.js';
import type { Environment } from '#runtime/index.js';
import { loadTokenizer } from '#text/tokenizer.js';
import type { Preprocessing } from '#vision/types.js';
import { batchingOptions, sessionOptions, type EncoderModelOptions } from './load-encoder.js';
import { textService } from './text-service.js';
import { towersModel, visionModel } from './vision-models.js';
import type { TowersModel, Vision, VisionModel } from './vision-types.js';

/**
 * Loads a model folder in the Hugging Face layout as a model of pictures.
 *
 * @throws KvasirError `invalid_model`, `unsupported_model`, `invalid_configuration`, `runtime_failure`,
 * `runtime_unavailable`
 */
export async function loadVisionModel(
  environment: Environment,
  folder: string,
  options: EncoderModelOptions = {},
): Promise<VisionModel> {
  const session = sessionOptions(options);
  const { encoder, description, path } = await loadVision(environment, folder, { ...options, session });
  const { preprocessing, size, labels, activation } = description;
  return visionModel({
    id: options.id ?? basename(resolve(folder)),
    device: 'cpu',
    path,
    encoder: new BatchingEncoder(batched({ pictures: encoder }), batchingOptions(options)),
    vision: visionOf(encoder, { preprocessing, size }),
    labels,
    activation,
  });
}

/**
 * Loads a model folder in the Hugging Face layout as two towers, of texts and of pictures.
 *
 * @throws KvasirError as {@link loadVisionModel}
 */
export async function loadTowersModel(
  environment: Environment,
  folder: string,
  options: EncoderModelOptions = {},
): Promise<TowersModel> {
  const session = sessionOptions(options);
  const loaded = await loadTowers(environment, folder, { ...options, session });
  const { vision, text, similarity, description, tokenizerFolder, path } = loaded;
  try {
    const tokenizer = await loadTokenizer(tokenizerFolder);
    return towersModel({
      id: options.id ?? basename(resolve(folder)),
      device: 'cpu',
      path,
      tokenizer,
      texts: textService(tokenizer, tokenizerFolder),
      contextLength: text.contextLength,
      encoder: new BatchingEncoder(batched({ texts: text, pictures: vision }), batchingOptions(options)),
      vision: visionOf(vision, description),
      similarity,
      autoTruncate: options.autoTruncate ?? false,
    });
  } catch (error) {
    text.dispose();
    vision.dispose();
    throw error;
  }
}

/** @param of the folder's own words about its pictures. */
function visionOf(
  encoder: VisionEncoder,
  { preprocessing, size }: { readonly preprocessing: Preprocessing; readonly size: Vision['size'] },
): Vision {
  const { task, width } = encoder;
  return { task, width, preprocessing, size, tokensOf: (...of) => encoder.tokensOf(...of) };
}
