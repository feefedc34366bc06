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
  const all = Array.from({ length: pairs }, (_, i) => frequencies[i] ?? 0);
  const shape = [positions, pairs];
  return {
    cos: graph.floats(`${name}.cos`, shape, () => turned(all, positions, magnitude).cos),
    sin: graph.floats(`${name}.sin`, shape, () => turned(all, positions, magnitude).sin),
    features: 2 * pairs,
  };
}

/** Positions whose angles are worked out by themselves: those of all others are sums of one of these and a multiple. */
const STRIDE = 256;

/** Cosines and sines of sums of two angles, by the addition theorems: some hundred times fewer are worked out. */
function turned(
  frequencies: readonly number[],
  positions: number,
  magnitude: number,
): { readonly cos: Float32Array; readonly sin: Float32Array } {
  const pairs = frequencies.length;
  const near = turns(frequencies, Math.min(STRIDE, positions), 1, 1);
  const far = turns(frequencies, Math.ceil(positions / STRIDE), STRIDE, magnitude);
  const [cos, sin] = [new Float32Array(positions * pairs), new Float32Array(positions * pairs)];
  for (let position = 0; position < positions; position++) {
    const at = position * pairs;
    const [ofNear, ofFar] = [(position % STRIDE) * pairs, Math.floor(position / STRIDE) * pairs];
    for (let i = 0; i < pairs; i++) {
      const [a, b] = [far.cos[ofFar + i]!, far.sin[ofFar + i]!];
      const [c, d] = [near.cos[ofNear + i]!, near.sin[ofNear + i]!];
      cos[at + i] = a * c - b * d;
      sin[at + i] = b * c + a * d;
    }
  }
  return { cos, sin };
}

function turns(
  frequencies: readonly number[],
  count: number,
  step: number,
  magnitude: number,
): { readonly cos: Float64Array; readonly sin: Float64Array } {
  const pairs = frequencies.length;
  const table = (of: (angle: number) => number): Float64Array =>
    Float64Array.from(
      { length: count * pairs },
      (_, at) => magnitude * of(Math.floor(at / pairs) * step * frequencies[at % pairs]!),
    );
  return { cos: table(Math.cos), sin: table(Math.sin) };
}
