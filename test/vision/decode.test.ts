import fc from 'fast-check';
import sharp from 'sharp';
import t from 'tap';
import { greatestDifference, pictureFile, pictureFixture } from '#test/support/picture-fixtures.js';
import { runs } from '#test/support/property-runs.js';
import { decode } from '#vision/decode.js';

interface Expected {
  readonly width: number;
  readonly height: number;
  readonly pixels: string;
  /** In front of white, where that is something else. */
  readonly white?: string;
}

const files = Object.entries(pictureFixture<Record<string, Expected>>('files.json'));
const limits = { maxBytes: 1_000_000, maxPixels: 1_000_000 };

/** AVIF has another decoder here than in PIL. */
function tolerance(name: string): number {
  return name.endsWith('.avif') ? 2 : 0;
}

t.test("files of every form and kind are PIL's to the byte", async t => {
  for (const [name, { width, height, pixels, white = pixels }] of files) {
    for (const [background, expected] of [
      [undefined, pixels],
      ['white', white],
    ] as const) {
      const picture = await decode(pictureFile(name), limits, background, 'image');
      t.same(
        [picture.width, picture.height, picture.pixels.length],
        [width, height, width * height * 3],
        name,
      );
      const off = greatestDifference(picture.pixels, Buffer.from(expected, 'base64'));
      t.ok(off <= tolerance(name), `${name} on ${background ?? 'nothing'}: off by ${off}`);
    }
  }
});

const refused = (message: RegExp): { code: string; param: string; message: RegExp } => ({
  code: 'invalid_request',
  param: 'input[2].image',
  message,
});

async function read(file: Uint8Array, limited = limits): Promise<unknown> {
  return decode(file, limited, undefined, 'input[2].image');
}

t.test('files that are cut are refused', async t => {
  for (const [name] of files) {
    const file = pictureFile(name);
    // What stands behind the first picture is not read.
    const share = name.startsWith('frames') || name.startsWith('pages') ? 0.3 : 0.6;
    await t.rejects(
      read(file.subarray(0, Math.floor(file.length * share))),
      refused(/is broken, or not all there/),
      name,
    );
  }
});

t.test('a file with bytes exchanged gives a picture or a refusal, and nothing else', async () => {
  const damage = fc.record({
    name: fc.constantFrom(...files.map(([name]) => name)),
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 6 }),
  });
  await fc.assert(
    fc.asyncProperty(damage, async ({ name, at, bytes }) => {
      const file = Buffer.from(pictureFile(name));
      file.set(bytes.subarray(0, 1), Math.floor(at * file.length));
      file.set(bytes.subarray(0, file.length), Math.floor(at * (file.length - bytes.length)));
      const picture = await decode(file, limits, 'white', 'image').catch((error: unknown) => error);
      if (picture instanceof Error) return (picture as { code?: string }).code === 'invalid_request';
      const { width, height, pixels } = picture as { width: number; height: number; pixels: Uint8Array };
      return pixels.length === width * height * 3;
    }),
    runs(150),
  );
});

t.test('limits are checked before anything is decoded', async t => {
  const wide = await sharp({ create: { width: 3000, height: 2000, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  await t.rejects(read(wide), refused(/3000x2000 pixels: no more than 1000000|too many pixels/));
  await t.rejects(read(wide, { maxBytes: 100, maxPixels: 1e9 }), refused(/bytes: no more than 100 are read/));
});

t.test('only pictures are read, whatever libvips could read besides', async t => {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><image href="file:///etc/passwd"/></svg>';
  for (const text of [svg, `GIF89a${svg}`, `\xff\xd8\xff${svg}`, 'P6 1 1 255 abc', '', '%PDF-1.4'])
    await t.rejects(read(Buffer.from(text, 'latin1')), refused(/no picture|is broken/));
  // The loaders are shut as well.
  await t.rejects(sharp(Buffer.from(svg)).metadata(), /unsupported/);
});
