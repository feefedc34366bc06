import { buildDecoder } from '#graph/build.js';
import type { Precision } from '#graph/precision.js';
import { attentionLayers } from '#model/cache/layer-cache.js';
import { SlotDecoder } from '#model/decoder/slots/slot-decoder.js';
import { Session, type Environment, type SessionSettings } from '#runtime/index.js';

/** Builds and loads a model folder's own weights, without a word about anything else that the folder may hold. */
export async function openDecoder(
  environment: Environment,
  folder: string,
  slots: number,
  precision: Precision = 'f32',
  settings: SessionSettings = {},
): Promise<SlotDecoder> {
  const { graphPath, sizes, cacheHeadSize, cacheType } = await buildDecoder(folder, { precision });
  const { vocabularySize, contextLength, windows } = sizes;
  const session = await Session.load(environment, graphPath, settings);
  const heads = { kvHeads: sizes.kvHeads, headSize: cacheHeadSize };
  const layers = attentionLayers(sizes.layers, heads, windows);
  const shape = { layers, vocabularySize, contextLength, cacheType };
  return new SlotDecoder(session, shape, slots);
}
