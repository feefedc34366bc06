import t from 'tap';
import { inOrder } from '#speech/in-order.js';

const after = (milliseconds: number): Promise<void> =>
  new Promise(resolve => setTimeout(resolve, milliseconds));

t.test('results come in the order of the work, some of which is under way at once', async t => {
  let [running, busiest] = [0, 0];
  const work = Array.from({ length: 9 }, (_, index) => async () => {
    busiest = Math.max(busiest, ++running);
    await after(index % 3);
    running--;
    return index;
  });
  const results: number[] = [];
  for await (const result of inOrder(work, 4)) results.push(result);
  t.strictSame(results, [...work.keys()]);
  t.ok(busiest > 1 && busiest <= 4);
});

t.test('an error comes when its turn is there', async t => {
  const work = [() => Promise.resolve(1), () => Promise.reject(new Error('no')), () => Promise.resolve(3)];
  const results: number[] = [];
  await t.rejects(
    (async () => {
      for await (const result of inOrder(work, 3)) results.push(result);
    })(),
    { message: 'no' },
  );
  t.strictSame(results, [1]);
});
