import t from 'tap';
import { KeptFloats } from '#model/decoder/kept-floats.js';

t.test('memory is used again, and never for two at once', t => {
  const floats = new KeptFloats(10);
  const first = floats.take(4);
  floats.reset();
  const again = floats.take(4);
  t.equal(again.buffer, first.buffer);
  again.fill(1);
  const more = floats.take(3);
  more.fill(2);
  t.same([...again], [1, 1, 1, 1], 'growing moves nobody');
  t.equal(more.length, 3);
  floats.reset();
  const [a, b] = [floats.take(3), floats.take(3)];
  t.equal(a.buffer, b.buffer);
  a.fill(1);
  b.fill(2);
  t.same([...a, ...b], [1, 1, 1, 2, 2, 2]);
  t.end();
});

t.test('what is beyond its size is not kept', t => {
  const floats = new KeptFloats(10);
  t.equal(floats.take(8).length, 8);
  const large = floats.take(11);
  t.equal(large.length, 11);
  floats.reset();
  t.not(floats.take(10).buffer, large.buffer);
  t.end();
});
