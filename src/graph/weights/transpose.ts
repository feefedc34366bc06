/** 64 × 64 floats of source and of target fit the first-level cache together. */
const BLOCK = 64;

/**
 * The transpose of a row-major matrix `[rows, columns]`: `[columns, rows]`. Goes block by block, for the
 * cache's sake.
 */
export function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(matrix.length);
  for (let rowBlock = 0; rowBlock < rows; rowBlock += BLOCK) {
    const lastRow = Math.min(rowBlock + BLOCK, rows);
    for (let columnBlock = 0; columnBlock < columns; columnBlock += BLOCK) {
      const lastColumn = Math.min(columnBlock + BLOCK, columns);
      for (let column = columnBlock; column < lastColumn; column++)
        for (let row = rowBlock; row < lastRow; row++)
          result[column * rows + row] = matrix[row * columns + column]!;
    }
  }
  return result;
}
