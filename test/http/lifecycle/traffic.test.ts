import t from 'tap';
import { Traffic } from '#http/lifecycle/traffic.js';

t.test('nothing measured yet', async t => {
  const traffic = new Traffic();
  t.equal(traffic.secondsToDrain(0), 1);
  for (let i = 0; i < 100; i++) traffic.begin(0);
  t.equal(traffic.secondsToDrain(5000), 1);
});

t.test('the line over the speed', async t => {
  const traffic = new Traffic();
  for (let i = 0; i < 60; i++) traffic.begin(0);
  // Two a second.
  for (let now = 500; now <= 10_000; now += 500) traffic.end(true, now);
  t.equal(traffic.underWay, 40);
  t.equal(traffic.secondsToDrain(10_000), 20);
  t.equal(traffic.secondsToDrain(20_000), 40, 'none has ended since');
});

t.test('refusals say nothing of the speed', async t => {
  const traffic = new Traffic();
  for (let i = 0; i < 20; i++) traffic.begin(0);
  for (let i = 0; i < 10; i++) traffic.end(false, 1000);
  t.equal(traffic.secondsToDrain(10_000), 1);
  traffic.end(true, 10_000);
  t.equal(traffic.underWay, 9);
  t.equal(traffic.secondsToDrain(10_000), 59, 'at most what clients obey');
});

t.test('only the last minute counts', async t => {
  const traffic = new Traffic();
  for (let i = 0; i < 130; i++) traffic.begin(0);
  for (let i = 0; i < 100; i++) traffic.end(true, 1000);
  for (let now = 61_500; now <= 120_000; now += 3000) traffic.end(true, now);
  // 20 in the last minute, 10 under way.
  t.equal(traffic.underWay, 10);
  t.equal(traffic.secondsToDrain(120_000), 30);
  t.equal(traffic.secondsToDrain(400_000), 1, 'nothing is known of the last minute');
});
