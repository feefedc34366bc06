import t from 'tap';
import { loadTowers } from '#model/vision/load-towers.js';
import { loadVision } from '#model/vision/load-vision.js';
import { Environment } from '#runtime/index.js';
import { copyFixture, difference, readVisionFixture } from '#test/support/vision-fixtures.js';

const environment = new Environment({ logLevel: 'fatal' });

for (const name of ['vit-classes', 'swin', 'clip', 'siglip'])
  for (const precision of ['int8', 'int4'] as const)
    t.test(`${name} in ${precision}`, async t => {
      const fixture = await readVisionFixture(name);
      const folder = await copyFixture(fixture, t.testdir());
      const encoders =
        fixture.towers === undefined
          ? { vision: (await loadVision(environment, folder, { precision })).encoder, text: undefined }
          : await loadTowers(environment, folder, { precision });
      const { vision, text } = encoders;
      t.teardown(() => {
        vision.dispose();
        text?.dispose();
      });
      const cosine = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
        const [x, y] = [Array.from(a), Array.from(b)];
        const dot = x.reduce((sum, value, i) => sum + value * y[i]!, 0);
        return dot / Math.hypot(...x) / Math.hypot(...y);
      };
      const least = precision === 'int8' ? 0.99 : 0.8;
      const results = await vision.run(fixture.pictures);
      results.forEach(({ values }, i) => {
        const close = cosine(values, fixture.values[i]!);
        t.ok(close > least, `picture ${i}: ${close.toFixed(4)}`);
      });
      for (const [i, picture] of fixture.pictures.entries()) {
        const [alone] = await vision.run([picture]);
        t.ok(difference(alone!.values, results[i]!.values) < 1e-6, 'it does not depend on the batch');
      }
      const texts = (await text?.run(fixture.towers!.texts.map(ids => ({ ids })))) ?? [];
      texts.forEach(({ values }, i) => {
        const close = cosine(values, fixture.towers!.values[i]!);
        t.ok(close > least, `text ${i}: ${close.toFixed(4)}`);
      });
    });
