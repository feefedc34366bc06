import { monitorEventLoopDelay } from 'node:perf_hooks';
import sharp from 'sharp';
import t from 'tap';
import { drawnPicture } from '#test/support/drawn-picture.js';
import { pictureFile } from '#test/support/picture-fixtures.js';
import { decode } from '#vision/decode.js';
import { PictureThreads } from '#vision/picture-threads.js';
import { preprocess } from '#vision/preprocess.js';
import { preprocessingOf } from '#vision/preprocessing.js';

const limits = { maxBytes: 10_000_000, maxPixels: 10_000_000 };
const preprocessing = preprocessingOf({ image_processor_type: 'CLIPImageProcessor' }, 'FILE');
const service = await PictureThreads.open(limits, 2);
t.teardown(() => service.close());

const { width, height, pixels } = drawnPicture(640, 480);
const photo = await sharp(pixels, { raw: { width, height, channels: 3 } })
  .jpeg()
  .toBuffer();

t.test('a thread gives what this one would', async t => {
  for (const file of [photo, pictureFile('clear.png')]) {
    const here = preprocess(await decode(file, limits, 'white', 'image'), preprocessing, 'image');
    const there = await service.read(file, preprocessing, 'image');
    t.same([there.width, there.height], [224, 224]);
    t.ok(Buffer.from(there.pixels).equals(here.pixels));
  }
});

t.test('refusals keep the name of their field', async t => {
  const broken = { code: 'invalid_request', param: 'input[1].image', message: /is broken/ };
  await t.rejects(service.read(photo.subarray(0, 3000), preprocessing, 'input[1].image'), broken);
  await t.rejects(service.read(Buffer.from('<svg/>'), preprocessing, 'input[1].image'), {
    ...broken,
    message: /no picture/,
  });
});

t.test('whoever leaves waits no longer, and holds nobody up', async t => {
  const already = AbortSignal.abort();
  await t.rejects(service.read(photo, preprocessing, 'image', already), { code: 'cancelled' });
  const controllers = Array.from({ length: 12 }, () => new AbortController());
  const all = controllers.map(async ({ signal }) => service.read(photo, preprocessing, 'image', signal));
  const odd = all.filter((_, i) => i % 2 === 1);
  controllers.forEach((controller, i) => i % 2 === 1 && controller.abort());
  await Promise.all(odd.map(async left => t.rejects(left, { code: 'cancelled' })));
  const rest = await Promise.all(all.filter((_, i) => i % 2 === 0));
  t.equal(rest.length, 6);
});

t.test('the event loop stays free beside 32 pictures of 640x480', async t => {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await Promise.all(Array.from({ length: 32 }, async () => service.read(photo, preprocessing, 'image')));
  delay.disable();
  // The bound of the benchmark is 20 ms: here other tests run as well. On the event loop it would be 300.
  t.ok(delay.percentile(99) < 100e6, `p99 ${delay.percentile(99) / 1e6} ms`);
});
