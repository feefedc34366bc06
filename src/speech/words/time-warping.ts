/** From where a way comes: from the row and column before, from the row before, or from the column before. */
const BOTH = 0;
const ROW = 1;
const COLUMN = 2;

/**
 * Dynamic time warping (Sakoe and Chiba 1978): the cheapest way from the first row and column of a matrix to the last ones,
 * each step one further in a row, a column, or both.
 *
 * @param costs `[rows, columns]`, at least one of each.
 * @returns for each row, the first column in which the way is in it.
 */
export function firstColumns(costs: Float32Array, rows: number, columns: number): number[] {
  const stride = columns + 1;
  const steps = new Uint8Array((rows + 1) * stride);
  let above = new Float32Array(stride).fill(Infinity);
  let current = new Float32Array(stride);
  above[0] = 0;
  for (let row = 1; row <= rows; row++) {
    current[0] = Infinity;
    for (let column = 1; column <= columns; column++) {
      const both = above[column - 1]!;
      const fromAbove = above[column]!;
      const fromLeft = current[column - 1]!;
      let least = fromLeft;
      let step = COLUMN;
      if (both < fromAbove && both < fromLeft) [least, step] = [both, BOTH];
      else if (fromAbove < both && fromAbove < fromLeft) [least, step] = [fromAbove, ROW];
      current[column] = costs[(row - 1) * columns + column - 1]! + least;
      steps[row * stride + column] = step;
    }
    [above, current] = [current, above];
  }
  const first = new Array<number>(rows);
  for (let row = rows, column = columns; row > 0 && column > 0;) {
    first[row - 1] = column - 1;
    const step = steps[row * stride + column]!;
    if (step !== COLUMN) row--;
    if (step !== ROW) column--;
    // Rows that are left over begin where the matrix does.
    if (column === 0) first.fill(0, 0, row);
  }
  return first;
}
