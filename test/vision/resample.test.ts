import fc from 'fast-check';
import t from 'tap';
import { drawnPicture } from '#test/support/drawn-picture.js';
import { pictureFixture, sha256 } from '#test/support/picture-fixtures.js';
import { runs } from '#test/support/property-runs.js';
import { cut, resample } from '#vision/resample.js';
import type { Picture, ResamplingFilter } from '#vision/types.js';

const FILTERS: ResamplingFilter[] = ['nearest', 'box', 'bilinear', 'hamming', 'bicubic', 'lanczos'];

interface Case {
  readonly filter: ResamplingFilter;
  readonly source: readonly [number, number];
  readonly size: readonly [number, number];
  readonly pixels?: string;
  readonly sha256?: string;
}

const cases = pictureFixture<Case[]>('resampled.json');

t.test("every byte is PIL's", t => {
  t.same([...new Set(cases.map(({ filter }) => filter))].sort(), [...FILTERS].sort());
  for (const { filter, source, size, ...expected } of cases) {
    const [width, height] = size;
    const result = resample(drawnPicture(...source), { width, height }, filter);
    const name = `${filter}, ${source.join('x')} to ${size.join('x')}`;
    t.same([result.width, result.height, result.pixels.length], [width, height, width * height * 3], name);
    if (expected.sha256 === undefined)
      t.equal(Buffer.from(result.pixels).toString('base64'), expected.pixels, name);
    else t.equal(sha256(result.pixels), expected.sha256, name);
  }
  t.end();
});

const edge = fc.integer({ min: 1, max: 40 });
const picture = fc
  .tuple(edge, edge)
  .chain(([width, height]) =>
    fc
      .uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 })
      .map((pixels): Picture => ({ width, height, pixels })),
  );

t.test('a part of the result is what stands there in the whole', t => {
  const part = fc.tuple(edge, edge).chain(([width, height]) =>
    fc.record({
      size: fc.constant({ width, height }),
      part: fc.tuple(fc.nat(width - 1), fc.nat(height - 1)).chain(([left, top]) =>
        fc.record({
          left: fc.constant(left),
          top: fc.constant(top),
          width: fc.integer({ min: 1, max: width - left }),
          height: fc.integer({ min: 1, max: height - top }),
        }),
      ),
    }),
  );
  fc.assert(
    fc.property(picture, part, fc.constantFrom(...FILTERS), (source, { size, part }, filter) => {
      const whole = cut(resample(source, size, filter), part);
      const alone = resample(source, size, filter, part);
      return Buffer.from(whole.pixels).equals(alone.pixels);
    }),
    runs(300),
  );
  t.end();
});

t.test('a picture of one colour keeps it, whatever its size becomes', t => {
  fc.assert(
    fc.property(
      edge,
      edge,
      edge,
      edge,
      fc.nat(255),
      fc.constantFrom(...FILTERS),
      (a, b, c, d, level, filter) => {
        const source = { width: a, height: b, pixels: new Uint8Array(a * b * 3).fill(level) };
        return resample(source, { width: c, height: d }, filter).pixels.every(value => value === level);
      },
    ),
    runs(300),
  );
  t.end();
});
