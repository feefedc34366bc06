import t from 'tap';
import { sinusoidalHalves, tensor2tensorPositions } from '#graph/blocks/position-table.js';

t.test('positions of Marian: sines, then cosines', async t => {
  const [rows, width] = [5, 6];
  const table = await sinusoidalHalves(rows, width).load();
  for (let position = 0; position < rows; position++)
    for (let pair = 0; pair < width / 2; pair++) {
      const angle = position * Math.exp((-2 * pair * Math.log(10_000)) / width);
      near(t, table[position * width + pair], Math.sin(angle));
      near(t, table[position * width + width / 2 + pair], Math.cos(angle));
    }
});

t.test('positions of M2M-100: the last pair turns once in 2π · 10000', async t => {
  const [rows, width, first] = [4, 8, 2];
  const table = await tensor2tensorPositions(rows, width, first).load();
  for (let row = 0; row < rows; row++)
    for (const [pair, frequency] of [1, 10_000 ** (-1 / 3), 10_000 ** (-2 / 3), 1e-4].entries()) {
      near(t, table[row * width + pair], Math.sin((first + row) * frequency));
      near(t, table[row * width + width / 2 + pair], Math.cos((first + row) * frequency));
    }
});

function near(
  t: { ok(value: boolean, message: string): unknown },
  actual: number | undefined,
  wanted: number,
) {
  t.ok(Math.abs(actual! - wanted) < 1e-6, `${actual} is ${wanted}`);
}
