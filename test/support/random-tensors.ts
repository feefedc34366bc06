import { seededRandom } from './seeded-random.js';
import type { TestTensor, TestTensors } from './safetensors.js';

export type Shapes = Readonly<Record<string, readonly number[]>>;

/**
 * Tensors of given shapes with random values that make every part of a model felt: norm weights around 1, other vectors within ±0.5,
 * matrices that roughly keep the variance of what they multiply.
 *
 * @param step values are multiples of it; 0: any single-precision number.
 */
export function randomTensors(shapes: Shapes, seed = 1, step = 0): TestTensors {
  const random = seededRandom(seed);
  const tensor = (name: string, shape: readonly number[]): TestTensor => {
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    const spread = shape.length <= 1 ? 0.5 : Math.min(1, Math.sqrt(3 / shape.at(-1)!));
    const middle = shape.length === 1 && name.endsWith('norm.weight') ? 1 : 0;
    const values = Array.from({ length: size }, () => {
      const value = middle + (2 * random() - 1) * spread;
      return step === 0 ? Math.fround(value) : Math.round(value / step) * step;
    });
    return { shape, values };
  };
  return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, tensor(name, shape)]));
}

/** Token ids below a limit. */
export function randomIds(count: number, vocabularySize: number, seed: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => Math.floor(random() * vocabularySize));
}
