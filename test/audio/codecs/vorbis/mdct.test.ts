import t from 'tap';
import { InverseMdct } from '#audio/codecs/vorbis/mdct.js';

t.test('it is the sum that defines it', async t => {
  for (const size of [64, 128, 256]) {
    const spectrum = Float32Array.from({ length: size / 2 }, (_, k) => Math.sin(k * k + 1));
    const expected = Array.from({ length: size }, (_, i) =>
      spectrum.reduce(
        (sum, x, k) => sum + x * Math.cos((Math.PI / (2 * size)) * (2 * i + 1 + size / 2) * (2 * k + 1)),
        0,
      ),
    );
    const result = new Float32Array(size);
    new InverseMdct(size).run(spectrum, result);
    const largest = Math.max(...expected.map((value, i) => Math.abs(value - result[i]!)));
    t.ok(largest < 1e-5, `${size}: ${largest}`);
  }
});
