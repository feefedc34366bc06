/** A layer of attention towards sources, and what it gives by its definition. */
import type { Test } from 'tap';
import type { AttentionOptions, AttentionWeights } from '#graph/blocks/attention-projections.js';
import type { Bias } from '#graph/blocks/linear.js';
import { matrix } from '#graph/weights/matrix.js';
import { randomTensors } from './random-tensors.js';

/** Sizes of a layer whose heads are padded. */
export const [HEADS, SIZE, PADDED, HIDDEN] = [3, 10, 16, 8] as const;
const WIDTH = HEADS * SIZE;
export const OPTIONS: AttentionOptions = { heads: HEADS, kvHeads: HEADS, headSize: SIZE, rotary: undefined };

export const TENSORS = randomTensors({
  query: [WIDTH, HIDDEN],
  key: [WIDTH, HIDDEN],
  value: [WIDTH, HIDDEN],
  output: [HIDDEN, WIDTH],
  queryBias: [WIDTH],
  keyBias: [WIDTH],
  valueBias: [WIDTH],
  outputBias: [HIDDEN],
  sources: [9, HIDDEN],
  x: [6, HIDDEN],
});

const weightOf = (name: string) => ({
  name,
  shape: TENSORS[name]!.shape,
  load: async () => Float32Array.from(TENSORS[name]!.values),
});
const matrixOf = (name: string) => matrix(weightOf(name));
const biasOf = (name: string): Bias => ({ size: TENSORS[name]!.shape[0]!, load: weightOf(name).load });
export const WEIGHTS: AttentionWeights = {
  query: matrixOf('query'),
  queryBias: biasOf('queryBias'),
  key: matrixOf('key'),
  keyBias: biasOf('keyBias'),
  value: matrixOf('value'),
  valueBias: biasOf('valueBias'),
  output: matrixOf('output'),
  outputBias: biasOf('outputBias'),
};

/** `x Wᵀ + b` of one row. */
function project(name: string, x: readonly number[]): number[] {
  const { shape, values } = TENSORS[name]!;
  const columns = shape[1]!;
  const bias = TENSORS[`${name}Bias`]!.values;
  return bias.map((b, row) => x.reduce((sum, value, i) => sum + value * values[row * columns + i]!, b));
}

/** Rows of `sources` or `x`. */
export function rowsOf(name: string, first: number, count: number): number[][] {
  return Array.from({ length: count }, (_, i) =>
    TENSORS[name]!.values.slice((first + i) * HIDDEN, (first + i + 1) * HIDDEN),
  );
}

/** Attention of one row over a source, by its definition. */
export function attend(x: readonly number[], source: readonly (readonly number[])[]): number[] {
  const query = project('query', x);
  const [keys, values] = ['key', 'value'].map(side => source.map(row => project(side, row)));
  const attended = Array.from({ length: HEADS }, (_, head) => {
    const begin = head * SIZE;
    const features = Array.from({ length: SIZE }, (_, i) => begin + i);
    const scores = keys!.map(
      key => features.reduce((sum, i) => sum + query[i]! * key[i]!, 0) / Math.sqrt(SIZE),
    );
    const weights = scores.map(Math.exp);
    const sum = weights.reduce((a, b) => a + b);
    return features.map(i => weights.reduce((total, w, j) => total + (w / sum) * values![j]![i]!, 0));
  });
  return project('output', attended.flat());
}

/** Rows agree up to what float32 rounds. */
export function agree(
  t: Test,
  actual: readonly (readonly number[])[],
  wanted: readonly (readonly number[])[],
): void {
  const off = actual.flatMap((row, i) => row.map((value, j) => Math.abs(value - wanted[i]![j]!)));
  t.ok(
    off.every(value => value < 1e-5),
    `at most ${Math.max(...off)} from the definition`,
  );
}
