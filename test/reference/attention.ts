import { dot, softCap, softmax, weightedSum, type Vector } from './operations.js';

export interface AttentionShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
}

/** Head `index` of a position's concatenated heads. */
export function head(x: Vector, index: number, size: number): number[] {
  return x.slice(index * size, (index + 1) * size);
}

/** Applies a function to each head of a position's concatenated heads. */
export function mapHeads(x: Vector, size: number, apply: (head: number[]) => number[]): number[] {
  return Array.from({ length: x.length / size }, (_, i) => apply(head(x, i, size))).flat();
}

/**
 * Rotary positions (Su et al. 2021, section 3.2.2) in the layout of Hugging Face's Llama: feature `i` of the
 * first half is turned against feature `i` of the second.
 *
 * @param frequencies one angle per position and pair.
 */
export function rotate(x: Vector, position: number, frequencies: Vector): number[] {
  const half = frequencies.length;
  const result = [...x];
  frequencies.forEach((frequency, i) => {
    const [cos, sin] = [Math.cos(position * frequency), Math.sin(position * frequency)];
    result[i] = x[i]! * cos - x[i + half]! * sin;
    result[i + half] = x[i + half]! * cos + x[i]! * sin;
  });
  return result;
}

/** `theta^(-2i/size)` */
export function rotaryFrequencies(size: number, theta: number): number[] {
  return Array.from({ length: size / 2 }, (_, i) => theta ** ((-2 * i) / size));
}

/**
 * `softmax(q kᵀ · scale) v` for every position of a sequence over itself and those before it, or those on both
 * sides; query head `h` reads key and value head `h · kvHeads / heads` (Ainslie et al. 2023).
 *
 * @param queries per position, all heads one after the other; keys and values likewise.
 * @param window positions that one sees, itself included; both ways, how many on either side.
 * @param cap see {@link softCap}.
 * @param bias added to a score.
 * @param sinks a score of each head that takes its part of the softmax, and gives nothing.
 */
export function groupedAttention(
  queries: readonly Vector[],
  keys: readonly Vector[],
  values: readonly Vector[],
  { heads, kvHeads, headSize }: AttentionShape,
  scale = 1 / Math.sqrt(headSize),
  window = Infinity,
  cap?: number,
  bothWays = false,
  bias: (head: number, query: number, key: number) => number = () => 0,
  sinks?: Vector,
): number[][] {
  return queries.map((query, position) => {
    const visible = keys
      .map((_, i) => i)
      .filter(i => (bothWays ? Math.abs(position - i) <= window : i <= position && position - i < window));
    return Array.from({ length: heads }, (_, h) => {
      const kvHead = Math.floor((h * kvHeads) / heads);
      const q = head(query, h, headSize);
      const scores = visible.map(
        i => softCap(dot(q, head(keys[i]!, kvHead, headSize)) * scale, cap) + bias(h, position, i),
      );
      const probabilities = softmax(sinks === undefined ? scores : [...scores, sinks[h]!]);
      return weightedSum(
        probabilities.slice(0, visible.length),
        visible.map(i => head(values[i]!, kvHead, headSize)),
        headSize,
      );
    }).flat();
  });
}

/** What attention may be told beyond queries, keys and values. */
export interface AttentionFields {
  /** Whether a query sees a key; default: all. */
  readonly sees?: (query: number, key: number) => boolean;
  /** Added to the scaled score. */
  readonly bias?: ((head: number, query: number, key: number) => number) | undefined;
  /** Factor of scores; default `1 / sqrt(head size)`. */
  readonly scale?: number;
}

/**
 * `softmax(q kᵀ · scale + bias) v` (Vaswani et al. 2017, section 3.2), of heads that stand one after the
 * other.
 */
export function attention(
  queries: readonly Vector[],
  keys: readonly Vector[],
  values: readonly Vector[],
  heads: number,
  { sees = () => true, bias = () => 0, scale }: AttentionFields = {},
): number[][] {
  const size = queries[0]!.length / heads;
  const factor = scale ?? 1 / Math.sqrt(size);
  return queries.map((query, position) => {
    const visible = keys.map((_, i) => i).filter(i => sees(position, i));
    return Array.from({ length: heads }, (_, h) => {
      const scores = visible.map(
        i => dot(head(query, h, size), head(keys[i]!, h, size)) * factor + bias(h, position, i),
      );
      const probabilities = softmax(scores);
      return weightedSum(
        probabilities,
        visible.map(i => head(values[i]!, h, size)),
        size,
      );
    }).flat();
  });
}
