import t from 'tap';
import { compressionRatio } from '#speech/compression-ratio.js';

t.test('what repeats itself has much of it', async t => {
  t.equal(compressionRatio(''), 0);
  t.ok(compressionRatio('The little station was empty.') < 1);
  t.ok(compressionRatio('again and again '.repeat(20)) > 2.4);
  // In Python: s = 'äö' * 40; len(s.encode()) / len(zlib.compress(s.encode()))
  t.equal(compressionRatio('äö'.repeat(40)), 160 / 16);
});
