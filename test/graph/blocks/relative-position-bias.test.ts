import t from 'tap';
import { relativePositionBucket } from '#graph/blocks/relative-position-bias.js';
import { mpnetBucket } from '#test/reference/encoder.js';

t.test('buckets of MPNet', async t => {
  for (let distance = -600; distance <= 600; distance++)
    if (relativePositionBucket(distance, 32, 128) !== mpnetBucket(distance)) t.fail(`at ${distance}`);
  t.equal(relativePositionBucket(0, 32, 128), 0);
  t.equal(relativePositionBucket(-3, 32, 128), 3);
  t.equal(relativePositionBucket(3, 32, 128), 19);
  t.equal(relativePositionBucket(1000, 32, 128), 31);
});
