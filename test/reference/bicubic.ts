import { add, scale, type Vector } from './operations.js';

/**
 * Bicubic interpolation of a grid of vectors, every new place from all old ones by the kernel of Keys (1981): of slope
 * -0.75 with edges repeated, or, with `antialias`, of slope -0.5 as wide as the grid shrinks, its shares made up to 1.
 */
export function bicubicGrid(
  grid: readonly Vector[],
  rows: number,
  columns: number,
  newRows: number,
  newColumns: number,
  antialias: boolean,
): number[][] {
  if (rows === newRows && columns === newColumns) return grid.map(vector => [...vector]);
  const down = shares(rows, newRows, antialias);
  const across = shares(columns, newColumns, antialias);
  return down.flatMap(byRow =>
    across.map(byColumn =>
      grid.reduce<number[]>(
        (sum, vector, i) => add(sum, scale(vector, byRow[Math.floor(i / columns)]! * byColumn[i % columns]!)),
        new Array<number>(grid[0]!.length).fill(0),
      ),
    ),
  );
}

/** For each new place, how much each old one weighs. */
function shares(from: number, to: number, antialias: boolean): number[][] {
  return Array.from({ length: to }, (_, i) => {
    const weights = new Array<number>(from).fill(0);
    const center = ((i + 0.5) * from) / to - 0.5;
    const stretch = antialias ? Math.max(1, from / to) : 1;
    for (let j = -4 * from; j < 5 * from; j++) {
      const share = keys((j - center) / stretch, antialias ? -0.5 : -0.75);
      if (!antialias) weights[Math.min(Math.max(j, 0), from - 1)]! += share;
      else if (j >= 0 && j < from) weights[j]! += share;
    }
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return weights.map(weight => weight / sum);
  });
}

/** Keys 1981, equation 15, for any slope. */
function keys(distance: number, a: number): number {
  const s = Math.abs(distance);
  if (s >= 2) return 0;
  return s >= 1 ? a * (s ** 3 - 5 * s ** 2 + 8 * s - 4) : (a + 2) * s ** 3 - (a + 3) * s ** 2 + 1;
}
