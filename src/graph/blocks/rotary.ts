import type { ModelGraph } from '../model-graph.js';
import type { Value } from '../onnx/graph-builder.js';

/** Cosines and sines of rotary position embedding, `[positions, features / 2]` each. */
export interface RotaryTables {
  readonly cos: Value;
  readonly sin: Value;
  /** Features of a head, padding included, that are turned: two for each column of the tables. */
  readonly features: number;
  /**
   * The order in which heads of queries and keys must have their features, so that those that turn stand first, one
   * half of the pairs' features before the other; undefined: as the model has them.
   */
  readonly order?: readonly number[] | undefined;
}

/** Angle by which each pair of features turns per position: `theta^(-2i/size)` (RoFormer, Su et al. 2021). */
export function inverseFrequencies(size: number, theta: number): number[] {
  return Array.from({ length: size / 2 }, (_, i) => theta ** ((-2 * i) / size));
}

/**
 * The features of a head in half-split order: feature `i` turns against feature `i + pairs`. Those that do not turn are
 * behind them, or, where the tables have more pairs than turn, fill both halves up.
 *
 * @param turned features that turn, the first of the head.
 * @param pairs pairs of the head in the tables, the head's padding not counted.
 * @param interleaved true if the model turns neighbours against each other (GPT-J, Wang and Komatsuzaki 2021).
 * @returns for each place the feature that stands there; undefined where that is the model's own order.
 */
export function halfSplitOrder(
  headSize: number,
  turned: number,
  pairs: number,
  interleaved: boolean,
): readonly number[] | undefined {
  const half = turned / 2;
  const pair = Array.from({ length: half }, (_, i) => (interleaved ? [2 * i, 2 * i + 1] : [i, i + half]));
  const still = Array.from({ length: headSize - turned }, (_, i) => turned + i);
  const filled = pairs - half;
  const order = [
    ...pair.map(([first]) => first!),
    ...still.slice(0, filled),
    ...pair.map(([, second]) => second!),
    ...still.slice(filled),
  ];
  return order.every((feature, place) => feature === place) ? undefined : order;
}

/**
 * Adds the tables for positions `[0, positions)`. Angles are worked out in double precision: at large
 * positions, single would blur them.
 *
 * @param frequencies one per pair of features, see {@link inverseFrequencies}.
 * @param pairs pairs in the tables; those without a frequency do not turn, and keep their magnitude.
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
        values[position * pairs + i] =
          i < frequencies.length ? magnitude * of(position * frequencies[i]!) : of(0);
    return values;
  };
  const shape = [positions, pairs];
  return {
    cos: graph.floats(`${name}.cos`, shape, table(Math.cos)),
    sin: graph.floats(`${name}.sin`, shape, table(Math.sin)),
    features: 2 * pairs,
  };
}
