import type { Weight } from '../weights/checkpoint.js';

/** Vectors by row, read when they are written. */
export interface Rows {
  readonly rows: number;
  readonly load: () => Promise<Float32Array>;
}

/** A weight's rows from the given one on. */
export function rowsFrom(weight: Weight, first: number): Rows {
  const [rows, width] = weight.shape as [number, number];
  return { rows: rows - first, load: async () => (await weight.load()).subarray(first * width) };
}

/** Adds one vector, `[1, width]`, to every row. */
export function addRow({ rows, load }: Rows, row: Weight): Rows {
  return {
    rows,
    load: async () => {
      const added = await row.load();
      return (await load()).map((value, i) => value + added[i % added.length]!);
    },
  };
}

/**
 * Sinusoidal positions (Vaswani et al. 2017): sines at even features, cosines at odd ones, wavelengths from
 * 2π to 10000 · 2π.
 */
export function sinusoidalPositions(rows: number, width: number): Rows {
  return {
    rows,
    load: async () =>
      Float32Array.from({ length: rows * width }, (_, i) => {
        const feature = i % width;
        const angle = Math.floor(i / width) / 10_000 ** ((feature - (feature % 2)) / width);
        return feature % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
      }),
  };
}
