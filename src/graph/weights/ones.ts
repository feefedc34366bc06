import type { Weight } from './checkpoint.js';

/** The scale of a norm that has none. */
export function ones(name: string, size: number): Weight {
  return {
    name,
    shape: [size],
    load: async (first = 0, last = size) => new Float32Array(last - first).fill(1),
  };
}
