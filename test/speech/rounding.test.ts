import t from 'tap';
import { roundHalfEven, roundHundredths } from '#speech/rounding.js';

t.test('halves are rounded to the even number, as in Python', async t => {
  t.strictSame([0.5, 1.5, 2.5, 2.4, 2.6, 7].map(roundHalfEven), [0, 2, 2, 2, 3, 7]);
  // In Python: [round(x, 2) for x in (0.125, 0.375, 0.625, 2.675, 1.005, 28.164)]
  t.strictSame(
    [0.125, 0.375, 0.625, 2.675, 1.005, 28.164].map(roundHundredths),
    [0.12, 0.38, 0.62, 2.67, 1, 28.16],
  );
});
