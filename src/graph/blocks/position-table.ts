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

/**
 * Sinusoidal positions as Marian (Junczys-Dowmunt et al. 2018) and Pegasus (Zhang et al. 2020) lay them out:
 * the sines of {@link sinusoidalPositions} first, its cosines behind them.
 */
export function sinusoidalHalves(rows: number, width: number): Rows {
  return halves(rows, width, 0, (position, pair) => position / 10_000 ** ((2 * pair) / width));
}

/**
 * Sinusoidal positions of tensor2tensor (Vaswani et al. 2018), which fairseq and M2M-100 (Fan et al. 2020)
 * have: sines, then cosines, their wavelengths spread so that the last one is 10000 · 2π exactly. Angles are
 * rounded to single precision at every step, as the models were trained.
 *
 * @param first position of the first row.
 */
export function tensor2tensorPositions(rows: number, width: number, first: number): Rows {
  const { fround } = Math;
  const step = fround(Math.log(10_000) / (Math.floor(width / 2) - 1));
  return halves(rows, width, first, (position, pair) =>
    fround(position * fround(Math.exp(fround(-pair * step)))),
  );
}

/** Sines of angles, one for each pair of features, and behind them their cosines. */
function halves(
  rows: number,
  width: number,
  first: number,
  angle: (position: number, pair: number) => number,
): Rows {
  return {
    rows,
    load: async () => {
      const values = new Float32Array(rows * width);
      for (let row = 0; row < rows; row++)
        for (let pair = 0; pair < width / 2; pair++) {
          const turned = angle(first + row, pair);
          values[row * width + pair] = Math.sin(turned);
          values[row * width + width / 2 + pair] = Math.cos(turned);
        }
      return values;
    },
  };
}
