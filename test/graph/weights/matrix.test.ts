import t from 'tap';
import {
  interleaveRows,
  loadMatrix,
  matrix,
  padColumns,
  padRows,
  pickRows,
  reorderRows,
  scaleRows,
  sliceRows,
  stackRows,
  transposed,
  type Matrix,
} from '#graph/weights/matrix.js';

/** A matrix of given rows, so many of them in a piece. */
function matrixOf(rows: readonly (readonly number[])[], inPiece = rows.length): Matrix {
  return {
    rows: rows.length,
    columns: rows[0]!.length,
    async *pieces() {
      for (let row = 0; row < rows.length; row += inPiece)
        yield Float32Array.from(rows.slice(row, row + inPiece).flat());
    },
  };
}

/** Its rows, which must be as many as it says. */
async function rowsOf(matrix: Matrix): Promise<number[][]> {
  const values = [...(await loadMatrix(matrix))];
  if (values.length !== matrix.rows * matrix.columns) throw new Error('a wrong size');
  return Array.from({ length: matrix.rows }, (_, i) =>
    values.slice(i * matrix.columns, (i + 1) * matrix.columns),
  );
}

const A = [
  [1, 2],
  [3, 4],
  [5, 6],
  [7, 8],
];
const B = [
  [10, 20],
  [30, 40],
];

for (const inPiece of [1, 2, 3, 4]) {
  t.test(`matrices in pieces of ${inPiece}`, async t => {
    const a = matrixOf(A, inPiece);
    const b = matrixOf(B, inPiece);
    t.strictSame(await rowsOf(a), A);
    t.strictSame(await rowsOf(stackRows([a, b])), [...A, ...B]);
    for (let begin = 0; begin < 4; begin++)
      for (let end = begin + 1; end <= 4; end++)
        t.strictSame(await rowsOf(sliceRows(a, begin, end)), A.slice(begin, end), `rows ${begin} to ${end}`);
    const whole = await rowsOf(interleaveRows(sliceRows(a, 0, 2), b));
    t.strictSame(whole, [[1, 2], [10, 20], [3, 4], [30, 40]]); // prettier-ignore
    t.strictSame(await rowsOf(transposed(a)), [
      [1, 3, 5, 7],
      [2, 4, 6, 8],
    ]);
    t.strictSame(await rowsOf(padColumns(b, 1, 2)), [
      [10, 0, 20, 0],
      [30, 0, 40, 0],
    ]);
  });
}

t.test('groups of rows are padded', async t => {
  const zero = [0, 0];
  for (const inPiece of [1, 2, 3, 4])
    t.strictSame(await rowsOf(padRows(matrixOf(A, inPiece), 2, 3)), [A[0], A[1], zero, A[2], A[3], zero]);
  const same = matrixOf(A);
  t.equal(padRows(same, 2, 2), same, 'nothing to do');
  t.equal(padColumns(same, 2, 2), same);
});

t.test('rows of groups in another order', async t => {
  for (const inPiece of [1, 2, 3, 4]) {
    const a = matrixOf(A, inPiece);
    t.strictSame(await rowsOf(reorderRows(a, [1, 0])), [A[1], A[0], A[3], A[2]]);
    t.strictSame(await rowsOf(reorderRows(a, [1, 0], 1)), [A[1], A[0], A[2], A[3]]);
  }
});

t.test('rows of any places, and zeros between them', async t => {
  for (const inPiece of [1, 3, 4]) {
    const picked = pickRows(matrixOf(A, inPiece), [3, -1, 0, 3]);
    t.strictSame(await rowsOf(picked), [A[3], A[0]!.map(() => 0), A[0], A[3]]);
  }
});

t.test('a large weight is read some rows at a time', async t => {
  const shape = [5, 2 ** 21];
  const ranges: (number | undefined)[][] = [];
  const load = async (first?: number, last?: number): Promise<Float32Array> => {
    ranges.push([first, last]);
    return new Float32Array(last! - first!);
  };
  let elements = 0;
  for await (const piece of matrix({ name: 'w', shape, load }).pieces()) elements += piece.length;
  t.equal(elements, 5 * 2 ** 21);
  t.strictSame(ranges, [
    [0, 2 ** 22],
    [2 ** 22, 2 ** 23],
    [2 ** 23, 5 * 2 ** 21],
  ]);
});

t.test('rows times factors, whatever the pieces', async t => {
  const factors = { load: async () => Float32Array.of(1, 10, 0, -1) };
  for (const inPiece of [1, 2, 3, 4])
    t.strictSame(await rowsOf(scaleRows(matrixOf(A, inPiece), factors)), [
      [1, 2],
      [30, 40],
      [0, 0],
      [-7, -8],
    ]);
});
