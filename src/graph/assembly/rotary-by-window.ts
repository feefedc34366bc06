import { inverseFrequencies, type RotaryTables } from '../blocks/rotary.js';
import type { DecoderLayer } from './decoder-design.js';
import type { DecoderSource } from './decoder-source.js';
import { readRope, ropeSection, ropeTables } from './rope.js';

/**
 * Rotary positions of their own for layers without and with a window, as `full_attention` and
 * `sliding_attention` of `rope_parameters` say. In older files there is one section, for the former alone.
 *
 * @param localTheta of layers with a window, in older files.
 * @throws KvasirError `invalid_model`, `unsupported_model`
 */
export function rotaryByWindow(
  source: DecoderSource,
  localTheta: number,
): (layer: DecoderLayer) => RotaryTables {
  const { config, sizes } = source;
  const section = ropeSection(config);
  const global = readRope(config, sizes, section?.section('full_attention') ?? section);
  const sliding = section?.section('sliding_attention');
  const local =
    sliding === undefined
      ? { frequencies: inverseFrequencies(sizes.headSize, localTheta), magnitude: 1 }
      : readRope(config, sizes, sliding);
  const tables = {
    global: ropeTables(source, 'rotary.global', global),
    local: ropeTables(source, 'rotary.local', local),
  };
  return layer => (layer.window === undefined ? tables.global : tables.local);
}
