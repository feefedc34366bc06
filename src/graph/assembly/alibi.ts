import type { Value } from '../onnx/graph-builder.js';
import type { DecoderSource } from './decoder-source.js';

/**
 * Adds the bias of attention with linear biases (ALiBi, Press et al. 2022): each score grows with the key's position by
 * its head's slope. The paper's distances differ from that by what is the same for all keys of a query, which a softmax
 * does not see.
 *
 * @param bias of a key, by its head's slope and its position.
 * @returns `[heads, context]`
 */
export function alibi(
  { graph, sizes: { contextLength } }: Pick<DecoderSource, 'graph' | 'sizes'>,
  slopes: readonly number[],
  bias = (slope: number, position: number): number => slope * position,
): Value {
  return graph.floats('alibi', [slopes.length, contextLength], () =>
    Float32Array.from({ length: slopes.length * contextLength }, (_, i) =>
      bias(slopes[Math.floor(i / contextLength)]!, i % contextLength),
    ),
  );
}

/**
 * Slopes of ALiBi's authors: a geometric series from `2^(-8/n)` for a number of heads that is a power of 2; for others
 * that of the next smaller one, and every other one of the next larger one.
 */
export function alibiSlopes(heads: number): number[] {
  const power = 2 ** Math.floor(Math.log2(heads));
  const more = Array.from({ length: heads - power }, (_, i) => 2 ** ((-4 / power) * (2 * i + 1)));
  return [...series(power, 8), ...more];
}

/**
 * Slopes of MPT (MosaicML 2023), which for other numbers of heads takes every other one of the next larger power of 2
 * first.
 *
 * @param most the exponent of the last head's slope.
 */
export function mptSlopes(heads: number, most: number): number[] {
  const slopes = series(2 ** Math.ceil(Math.log2(heads)), most);
  if (slopes.length === heads) return slopes;
  const every = (first: number): number[] => slopes.filter((_, i) => i % 2 === first);
  return [...every(1), ...every(0)].slice(0, heads);
}

/** `2^(-most i / n)` for `i` from 1 to `n`. */
function series(n: number, most: number): number[] {
  return Array.from({ length: n }, (_, i) => 2 ** ((-most * (i + 1)) / n));
}
