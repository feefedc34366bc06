import type { ModelConfig } from '../config.js';
import { decoderSizes, type DecoderSizes } from './decoder-source.js';

/**
 * Reads {@link DecoderSizes} from the fields that most families use, with the windows of layers that see only
 * the latest positions.
 *
 * @param slides which layers have a window, where `layer_types` does not say.
 */
export function windowedSizes(config: ModelConfig, slides: (layer: number) => boolean): DecoderSizes {
  const sizes = decoderSizes(config);
  return { ...sizes, windows: slidingWindows(config, sizes.layers, slides) };
}

/** {@link windowedSizes} where every layer has the window that config.json sets; 0 and null are none. */
export function uniformlyWindowedSizes(config: ModelConfig): DecoderSizes {
  return windowedSizes(config, () => config.has('sliding_window') && config.count('sliding_window') > 0);
}

function slidingWindows(
  config: ModelConfig,
  layers: number,
  slides: (layer: number) => boolean,
): (number | undefined)[] {
  const types = config.has('layer_types') ? config.strings('layer_types') : undefined;
  if (types !== undefined && types.length !== layers)
    config.invalid(`layer_types has ${types.length} entries for ${layers} layers`);
  const known = ['full_attention', 'sliding_attention'];
  const unknown = types?.find(type => !known.includes(type));
  if (unknown !== undefined) config.unsupported(`a layer of type '${unknown}'; known: ${known.join(', ')}`);
  return Array.from({ length: layers }, (_, layer) => {
    const isSliding = types === undefined ? slides(layer) : types[layer] === 'sliding_attention';
    return isSliding ? config.size('sliding_window') : undefined;
  });
}
