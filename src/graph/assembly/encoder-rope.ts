import type { RotaryPositions } from '../blocks/packed-rotary.js';
import { rotaryTables } from '../blocks/rotary.js';
import type { EncoderSource } from './encoder-architecture.js';
import { readRope, type Rope } from './rope.js';

/**
 * Rotary positions of an encoder's whole heads, the same in all layers.
 *
 * @param theta where config.json has no `rope_theta`.
 * @param rope where it is not read from `rope_parameters` or `rope_scaling`.
 */
export function rotaryPositions(
  { graph, config, batch, sizes }: EncoderSource,
  theta: number,
  rope: Rope = readRope(config.withDefaults({ rope_theta: theta }), sizes),
): RotaryPositions {
  const { headSize, contextLength } = sizes;
  if (headSize % 2 !== 0) config.invalid(`heads of an odd size (${headSize}) cannot be rotated`);
  if (2 * rope.frequencies.length !== headSize)
    config.unsupported(`only ${2 * rope.frequencies.length} of a head's ${headSize} features are turned`);
  const tables = rotaryTables(graph, 'rotary', rope.frequencies, headSize / 2, contextLength, rope.magnitude);
  return { tables, batch };
}
