import t from 'tap';
import { Packing } from '#model/encoder/packed/packing.js';

const TEXTS = [
  { ids: [11, 12, 13], typeIds: [0, 1, 1], positions: [2, 0] },
  { ids: [21], positions: [0] },
  { ids: [31, 32], positions: [1] },
];

/** An input as plain numbers, by rows. */
function rows(packing: Packing, name: string): number[][] | number[] {
  const { data, shape } = packing.input(name);
  const values = Array.from(data, Number);
  if (shape.reduce((product, size) => product * size, 1) !== values.length)
    throw new Error(`${name}: ${values.length} values for [${shape.join(', ')}]`);
  const width = shape.at(-1)!;
  if (shape.length === 1) return values;
  return Array.from({ length: values.length / width }, (_, i) => values.slice(i * width, (i + 1) * width));
}

t.test('tokens of all texts, one text after the other', async t => {
  const packing = new Packing(TEXTS, undefined);
  t.equal(packing.tokens, 6);
  t.equal(packing.longest, 3);
  t.strictSame(rows(packing, 'input_ids'), [11, 12, 13, 21, 31, 32]);
  t.strictSame(rows(packing, 'position_ids'), [0, 1, 2, 0, 0, 1]);
  t.strictSame(rows(packing, 'token_type_ids'), [0, 1, 1, 0, 0, 0]);
});

t.test('the grid finds the texts again, and the places lead back', async t => {
  const packing = new Packing(TEXTS, undefined);
  t.strictSame(rows(packing, 'grid'), [
    [0, 1, 2],
    [3, -1, -1],
    [4, 5, -1],
  ]);
  t.strictSame(rows(packing, 'grid_places'), [0, 1, 2, 3, 6, 7]);
});

t.test('listed rows', async t => {
  const listed = (rowsOf: 'first' | 'last' | 'positions') => {
    const packing = new Packing(TEXTS, rowsOf);
    return [rows(packing, 'rows'), rows(packing, 'row_places')];
  };
  t.strictSame(listed('first'), [
    [0, 3, 4],
    [0, 3, 6],
  ]);
  t.strictSame(listed('last'), [
    [2, 3, 5],
    [2, 3, 7],
  ]);
  t.strictSame(listed('positions'), [
    [2, 0, 3, 5],
    [2, 0, 3, 7],
  ]);
});

t.test('weights of the pooling', async t => {
  const packing = new Packing(TEXTS, undefined);
  t.strictSame(rows(packing, 'pooling.cls'), [
    [1, 0, 0, 0, 0, 0],
    [0, 0, 0, 1, 0, 0],
    [0, 0, 0, 0, 1, 0],
  ]);
  t.strictSame(rows(packing, 'pooling.mean')[2], [0, 0, 0, 0, 0.5, 0.5]);
});

t.test('short texts are one block each in local attention', async t => {
  const packing = new Packing(TEXTS, 'first', 1);
  t.strictSame(rows(packing, 'local_queries'), rows(packing, 'grid'));
  t.strictSame(rows(packing, 'local_keys'), rows(packing, 'grid'));
  t.strictSame(rows(packing, 'local_places'), rows(packing, 'grid_places'));
  t.strictSame(rows(packing, 'local_row_places'), rows(packing, 'row_places'));
  t.strictSame(
    (rows(packing, 'local_bias') as number[][]).map(row => row.map(value => value === 0)),
    [
      [true, true, false],
      [true, true, true],
      [false, true, true],
    ],
  );
});

t.test('long texts are cut into blocks with the keys around them', async t => {
  const texts = [{ ids: [1, 2, 3, 4, 5, 6, 7] }, { ids: [8, 9, 10] }];
  const packing = new Packing(texts, 'last', 2);
  t.strictSame(rows(packing, 'local_queries'), [
    [0, 1],
    [2, 3],
    [4, 5],
    [6, -1],
    [7, 8],
    [9, -1],
  ]);
  t.strictSame(rows(packing, 'local_keys'), [
    [-1, -1, 0, 1, 2, 3],
    [0, 1, 2, 3, 4, 5],
    [2, 3, 4, 5, 6, -1],
    [4, 5, 6, -1, -1, -1],
    [-1, -1, 7, 8, 9, -1],
    [7, 8, 9, -1, -1, -1],
  ]);
  t.strictSame(rows(packing, 'local_places'), [0, 1, 2, 3, 4, 5, 6, 8, 9, 10]);
  t.strictSame(rows(packing, 'local_row_places'), [6, 10]);
  t.strictSame(
    (rows(packing, 'local_bias') as number[][]).map(row => row.map(value => value === 0)),
    [
      [true, true, true, true, true, false],
      [false, true, true, true, true, true],
    ],
  );
});

t.test('an input that is not known', async t => {
  t.throws(() => new Packing(TEXTS, undefined).input('strange'), /strange/);
});
