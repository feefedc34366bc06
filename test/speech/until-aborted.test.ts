import t from 'tap';
import { untilAborted } from '#speech/until-aborted.js';

t.test('the same items, and whoever gives them hears of the end', async t => {
  let isOver: boolean;
  const numbers = async function* (): AsyncGenerator<number> {
    isOver = false;
    try {
      for (const number of [1, 2, 3]) yield number;
    } finally {
      isOver = true;
    }
  };
  const abort = new AbortController();
  const read: number[] = [];
  for await (const number of untilAborted(numbers(), abort.signal)) read.push(number);
  t.strictSame(read, [1, 2, 3]);
  for await (const number of untilAborted(numbers(), abort.signal)) if (number === 2) break;
  t.ok(isOver!);
});
