/** Sides of a grid. */
export interface GridSides {
  readonly rows: number;
  readonly columns: number;
}

/**
 * Bicubic interpolation (Keys 1981) of a grid of vectors, as PyTorch's `interpolate` has it with
 * `align_corners=False`: with `antialias`, the kernel of -0.5 that widens where the grid shrinks, without it
 * that of -0.75 over four neighbours.
 *
 * @param grid `[from.rows, from.columns, width]`
 * @returns `[to.rows, to.columns, width]`
 */
export function interpolateBicubic(
  grid: Float32Array,
  from: GridSides,
  to: GridSides,
  antialias: boolean,
): Float32Array {
  if (from.rows === to.rows && from.columns === to.columns) return grid;
  const width = grid.length / from.rows / from.columns;
  const tapsOf = antialias ? widenedTaps : fourTaps;
  const across = along(grid, from.rows, from.columns, width, tapsOf(from.columns, to.columns));
  return Float32Array.from(along(across, 1, from.rows, to.columns * width, tapsOf(from.rows, to.rows)));
}

/** Shares of a line's elements in one of the new line. */
type Taps = readonly (readonly [index: number, share: number])[];

/** Interpolates the middle axis of `[outer, taps' source, inner]`. */
function along(
  values: ArrayLike<number>,
  outer: number,
  length: number,
  inner: number,
  lines: readonly Taps[],
): Float64Array {
  const result = new Float64Array(outer * lines.length * inner);
  for (let o = 0; o < outer; o++)
    lines.forEach((taps, line) => {
      const target = (o * lines.length + line) * inner;
      for (const [index, share] of taps) {
        const source = (o * length + index) * inner;
        for (let i = 0; i < inner; i++) result[target + i]! += share * values[source + i]!;
      }
    });
  return result;
}

function fourTaps(from: number, to: number): Taps[] {
  return Array.from({ length: to }, (_, i) => {
    const place = ((i + 0.5) * from) / to - 0.5;
    const first = Math.floor(place) - 1;
    return Array.from({ length: 4 }, (_, tap) => {
      const index = Math.min(Math.max(first + tap, 0), from - 1);
      return [index, cubic(place - (first + tap), -0.75)] as const;
    });
  });
}

function widenedTaps(from: number, to: number): Taps[] {
  const scale = from / to;
  const widened = Math.max(scale, 1);
  return Array.from({ length: to }, (_, i) => {
    const center = scale * (i + 0.5);
    const begin = Math.max(Math.trunc(center - 2 * widened + 0.5), 0);
    const end = Math.min(Math.trunc(center + 2 * widened + 0.5), from);
    const shares = Array.from({ length: end - begin }, (_, tap) =>
      cubic((begin + tap - center + 0.5) / widened, -0.5),
    );
    const sum = shares.reduce((total, share) => total + share, 0);
    return shares.map((share, tap) => [begin + tap, share / sum] as const);
  });
}

/** The cubic convolution kernel with a slope `a` at 1. */
function cubic(distance: number, a: number): number {
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}
