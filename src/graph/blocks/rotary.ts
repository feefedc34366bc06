import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';

/** Cosines and sines of rotary position embedding, `[positions, features / 2]` each. */
export interface RotaryTables {
  readonly cos: Value;
  readonly sin: Value;
  /** Features of a head, padding included, that are turned: two for each column of the tables. */
  readonly features: number;
}

/** Angle by which each pair of features turns per position: `theta^(-2i/size)` (RoFormer, Su et al. 2021). */
export function inverseFrequencies(size: number, theta: number): number[] {
  return Array.from({ length: size / 2 }, (_, i) => theta ** ((-2 * i) / size));
}

/**
 * Adds the tables for positions `[0, positions)`. Angles are worked out in double precision: at large
 * positions, single would blur them.
 *
 * @param frequencies one per pair of features, see {@link inverseFrequencies}.
 * @param pairs pairs of the padded head; those without a frequency do not turn.
 * @param magnitude factor of cosines and sines, which some ways to stretch positions have (YaRN, LongRoPE).
 */
export function rotaryTables(
  graph: ModelGraph,
  name: string,
  frequencies: readonly number[],
  pairs: number,
  positions: number,
  magnitude = 1,
): RotaryTables {
  const table = (of: (angle: number) => number) => () => {
    const values = new Float32Array(positions * pairs);
    for (let position = 0; position < positions; position++)
      for (let i = 0; i < pairs; i++)
        values[position * pairs + i] = magnitude * of(position * (frequencies[i] ?? 0));
    return values;
  };
  const shape = [positions, pairs];
  return {
    cos: graph.floats(`${name}.cos`, shape, table(Math.cos)),
    sin: graph.floats(`${name}.sin`, shape, table(Math.sin)),
    features: 2 * pairs,
  };
}
