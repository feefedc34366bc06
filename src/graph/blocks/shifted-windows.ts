import type { GridSides } from './interpolation.js';
import { EMPTY } from './token-order.js';

/** Windows of `size` by `size` places that are moved by `shift` places to the right and down. */
export interface Windows {
  readonly size: number;
  readonly shift: number;
}

/** Added to scores between places that only the shift has brought into one window, as Swin was trained with it. */
const APART = -100;

/**
 * The tokens of a grid window by window (Swin, Liu et al. 2021): the grid is filled up to whole windows with
 * {@link EMPTY} places and turned by the shift.
 *
 * @returns for each place of each window the token that stands there.
 */
export function windowOrder(grid: GridSides, windows: Windows): Int32Array {
  const { shift } = windows;
  const whole = wholeWindows(grid, windows.size);
  return everyPlace(whole, windows.size, (row, column) => {
    const [r, c] = [(row + shift) % whole.rows, (column + shift) % whole.columns];
    return r < grid.rows && c < grid.columns ? r * grid.columns + c : EMPTY;
  });
}

/** The way back: for each token of the grid its place in {@link windowOrder}. */
export function placesInWindows(grid: GridSides, windows: Windows): Int32Array {
  const places = new Int32Array(grid.rows * grid.columns);
  windowOrder(grid, windows).forEach((token, place) => {
    if (token !== EMPTY) places[token] = place;
  });
  return places;
}

/** How many windows there are. */
export function windowCount(grid: GridSides, { size }: Windows): number {
  const { rows, columns } = wholeWindows(grid, size);
  return (rows * columns) / size ** 2;
}

/** What is added to scores because of the shift, `[windows, places, places]`. */
export function shiftMask(grid: GridSides, windows: Windows): Float32Array {
  const { size, shift } = windows;
  const whole = wholeWindows(grid, size);
  const region = (place: number, length: number): number =>
    Number(place >= length - size) + Number(place >= length - shift);
  const regions = everyPlace(
    whole,
    size,
    (row, column) => 3 * region(row, whole.rows) + region(column, whole.columns),
  );
  const places = size ** 2;
  const mask = new Float32Array(regions.length * places);
  for (let query = 0; query < regions.length; query++)
    for (let key = 0; key < places; key++) {
      const other = regions[query - (query % places) + key];
      if (other !== regions[query]) mask[query * places + key] = APART;
    }
  return mask;
}

/**
 * Four neighbours after each other, down before right, as Swin merges them; a grid of odd sides is filled up with
 * {@link EMPTY} places.
 */
export function mergeOrder({ rows, columns }: GridSides): Int32Array {
  const order: number[] = [];
  for (let row = 0; row < rows; row += 2)
    for (let column = 0; column < columns; column += 2)
      for (const right of [0, 1])
        for (const down of [0, 1]) {
          const isThere = row + down < rows && column + right < columns;
          order.push(isThere ? (row + down) * columns + column + right : EMPTY);
        }
  return Int32Array.from(order);
}

function wholeWindows({ rows, columns }: GridSides, size: number): GridSides {
  return { rows: Math.ceil(rows / size) * size, columns: Math.ceil(columns / size) * size };
}

/** A number for each place of a grid of whole windows, window by window. */
function everyPlace(
  { rows, columns }: GridSides,
  size: number,
  of: (row: number, column: number) => number,
): Int32Array {
  const result = new Int32Array(rows * columns);
  let place = 0;
  for (let top = 0; top < rows; top += size)
    for (let left = 0; left < columns; left += size)
      for (let row = top; row < top + size; row++)
        for (let column = left; column < left + size; column++) result[place++] = of(row, column);
  return result;
}
