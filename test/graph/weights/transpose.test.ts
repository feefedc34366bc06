import t from 'tap';
import { transpose } from '#graph/weights/transpose.js';

t.test('rows become columns, whatever the sizes are beside the blocks', async t => {
  for (const [rows, columns] of [
    [0, 3],
    [3, 0],
    [1, 1],
    [1, 200],
    [200, 1],
    [64, 64],
    [63, 65],
    [129, 70],
  ] as const) {
    const matrix = Float32Array.from({ length: rows * columns }, (_, i) => i);
    const expected = new Float32Array(rows * columns);
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) expected[column * rows + row] = row * columns + column;
    t.strictSame(transpose(matrix, rows, columns), expected, `${rows} × ${columns}`);
  }
});
