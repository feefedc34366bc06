import t from 'tap';
import { drawnPicture } from '#test/support/drawn-picture.js';
import { pictureFixture, sha256 } from '#test/support/picture-fixtures.js';
import { preprocess } from '#vision/preprocess.js';
import { preprocessingOf } from '#vision/preprocessing.js';

interface Case {
  readonly fields: Record<string, unknown>;
  readonly source: readonly [number, number];
  readonly size: readonly [number, number];
  /** Of the pixels, `[height, width, 3]`. */
  readonly sha256: string;
  /** Every `step`th one of the scaled ones. */
  readonly values: readonly number[];
  readonly step: number;
}

t.test("pixels are those of transformers' processors", t => {
  for (const { fields, source, size, values, step, ...expected } of pictureFixture<Case[]>(
    'processors.json',
  )) {
    const preprocessing = preprocessingOf(fields, 'preprocessor_config.json');
    const { width, height, pixels } = preprocess(drawnPicture(...source), preprocessing, 'image');
    const name = `${source.join('x')} ${JSON.stringify(fields)}`;
    t.same([width, height], size, name);
    t.equal(sha256(pixels), expected.sha256, name);
    const { scale, mean, deviation } = preprocessing;
    const off = values.map((value, i) => {
      const channel = (i * step) % 3;
      return Math.abs((pixels[i * step]! * scale - mean[channel]!) / deviation[channel]! - value);
    });
    t.ok(Math.max(...off) < 2e-5 * Math.max(1, ...values.map(Math.abs)), name);
  }
  t.end();
});

t.test('what is too thin to be resampled is refused', t => {
  const line = (width: number, height: number): { width: number; height: number; pixels: Uint8Array } => ({
    width,
    height,
    pixels: new Uint8Array(width * height * 3),
  });
  const to = (size: object): Parameters<typeof preprocess>[1] => ({
    resize: { to: size as { shortest: number }, filter: 'bicubic' },
  });
  const refused = { code: 'invalid_request', param: 'input[0].image' };
  t.throws(() => preprocess(line(1, 5000), to({ shortest: 224 }), 'input[0].image'), refused);
  t.throws(() => preprocess(line(5000, 1), to({ maxWidth: 32, maxHeight: 32 }), 'input[0].image'), refused);
  const crop = { width: 8, height: 8 };
  t.same(preprocess(line(1, 200), { ...to({ shortest: 224 }), crop }, 'image').pixels.length, 192);
  t.end();
});
