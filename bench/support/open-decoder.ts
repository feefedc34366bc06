import { buildDecoder } from '#graph/build.js';
import type { Precision } from '#graph/precision.js';
import { layersOf } from '#model/cache/layer-cache.js';
import type { Decoder } from '#model/decoder/contract.js';
import { openMixed } from '#model/decoder/mixed/open-mixed.js';
import { SlotDecoder } from '#model/decoder/slots/slot-decoder.js';
import { Session, type Environment, type SessionSettings } from '#runtime/index.js';

/**
 * Builds and loads a model folder's own weights, without a word about anything else that the folder may hold.
 *
 * @param mixes whether prompts and rows that decode share runs.
 */
export async function openDecoder(
  environment: Environment,
  folder: string,
  slots: number,
  precision: Precision = 'f32',
  settings: SessionSettings = {},
  mixes = true,
): Promise<Decoder> {
  const { graphPath, mixedPath, sizes, cacheType } = await buildDecoder(folder, { precision });
  const { vocabularySize, contextLength } = sizes;
  const shape = { layers: layersOf(sizes), vocabularySize, contextLength, cacheType };
  return mixes
    ? await openMixed(environment, graphPath, mixedPath!, settings, shape, slots)
    : new SlotDecoder(await Session.load(environment, graphPath, settings), shape, slots);
}
