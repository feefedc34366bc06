import { loadMatrix, type Matrix } from './matrix.js';

/** Rows `[from, to)` of a matrix: one of several projections that a checkpoint keeps in one. */
export function sliceRows(source: Matrix, from: number, to: number): Matrix {
  const { columns } = source;
  return {
    rows: to - from,
    columns,
    async *pieces() {
      yield (await loadMatrix(source)).subarray(from * columns, to * columns);
    },
  };
}
