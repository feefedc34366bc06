import { inverseFrequencies, type RotaryTables } from '../blocks/rotary.js';
import type { DecoderLayer } from './decoder-design.js';
import { keyHeads, type DecoderSizes, type DecoderSource } from './decoder-source.js';
import type { ModelConfig } from '../config.js';
import { readRope, ropeSection, ropeTables, ropeType } from './rope.js';

/**
 * Rotary positions of their own for layers without and with a window, as `full_attention` and
 * `sliding_attention` of `rope_parameters` say. In older files there is one section, for the former alone.
 *
 * @param localTheta of layers with a window, where their section does not say it, or is not there.
 * @throws KvasirError `invalid_model`, `unsupported_model`
 */
export function rotaryByWindow(
  source: DecoderSource,
  localTheta: number,
): (layer: DecoderLayer) => RotaryTables {
  const { graph, config, sizes } = source;
  const section = ropeSection(config);
  const [whole, windowed] = [false, true].map(hasWindow => sizesOfKind(sizes, hasWindow)) as [
    DecoderSizes,
    DecoderSizes,
  ];
  const wholeSection = section?.section('full_attention') ?? section;
  const sliding = section?.section('sliding_attention');
  for (const each of [wholeSection ?? config, sliding ?? config]) refusePartial(each);
  const global = readRope(config, whole, wholeSection);
  const local =
    sliding === undefined
      ? { frequencies: inverseFrequencies(windowed.headSize, localTheta), magnitude: 1 }
      : readRope(config, windowed, sliding.withDefaults({ rope_theta: localTheta }));
  const tables = {
    global: ropeTables({ graph, sizes: whole }, 'rotary.global', global),
    local: ropeTables({ graph, sizes: windowed }, 'rotary.local', local),
  };
  return layer => (layer.window === undefined ? tables.global : tables.local);
}

/** These families turn whole heads whatever is said, but where the frequencies are made for a part. */
function refusePartial(section: ModelConfig): void {
  const share = section.positive('partial_rotary_factor', 1);
  if (share !== 1 && ropeType(section) !== 'proportional')
    section.unsupported(`partial_rotary_factor is ${share} with rope_type '${ropeType(section)}'`);
}

/** With the heads of the layers with a window, or without, which are all alike. */
function sizesOfKind(sizes: DecoderSizes, hasWindow: boolean): DecoderSizes {
  const layer = (sizes.windows ?? []).findIndex(window => (window !== undefined) === hasWindow);
  return { ...sizes, ...keyHeads(sizes, layer) };
}
