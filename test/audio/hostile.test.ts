import { readdir, readFile } from 'node:fs/promises';
import fc from 'fast-check';
import t from 'tap';
import { AudioFailure } from '#audio/failures.js';
import { decodeBytes } from '#test/support/decode-bytes.js';
import { knownLeft, sampled } from '#test/support/known-sound.js';
import { runs } from '#test/support/property-runs.js';
import { wavOf } from '#test/support/wav-file.js';

const FOLDER = new URL('../../../test/fixtures/audio/', import.meta.url);
const MAX_SECONDS = 30;

const names = await readdir(FOLDER);
const files = new Map<string, Uint8Array>([['wav', wavOf(sampled(knownLeft, 16_000), 16_000)]]);
for (const name of names) files.set(name, await readFile(new URL(name, FOLDER)));

/** Decodes what may be anything: sound within the limits, or a failure that says what is wrong. */
async function isBounded(file: Uint8Array, piece: number): Promise<boolean> {
  try {
    const sound = await decodeBytes(file, { maxSeconds: MAX_SECONDS, piece });
    return sound.length > 0 && sound.length <= MAX_SECONDS * 16_000 && sound.every(Number.isFinite);
  } catch (error) {
    if (error instanceof AudioFailure) return true;
    throw error;
  }
}

for (const [name, file] of files)
  t.test(`${name}: cut or damaged anywhere, it is sound or an error`, async () => {
    const at = fc.integer({ min: 0, max: file.length - 1 });
    // Headers are short, and most is decided there.
    const place = fc.oneof(at, fc.integer({ min: 0, max: Math.min(200, file.length - 1) }));
    const damage = fc.record({
      end: fc.oneof(at, fc.constant(file.length)),
      bytes: fc.array(fc.tuple(place, fc.oneof(fc.nat(255), fc.constantFrom(0, 255))), { maxLength: 8 }),
      piece: fc.integer({ min: 1, max: 5000 }),
    });
    const property = fc.asyncProperty(damage, async ({ end, bytes, piece }) => {
      const damaged = file.slice(0, end);
      for (const [at, byte] of bytes) if (at < end) damaged[at] = byte;
      return isBounded(damaged, piece);
    });
    await fc.assert(property, runs(40));
  });

t.test('any bytes behind a beginning that is known', async () => {
  const beginnings = [
    'RIFF\0\0\0\0WAVEfmt ',
    'FORM\0\0\0\0AIFF',
    'fLaC',
    'OggS',
    '\x1a\x45\xdf\xa3',
    'ID3',
    '\xff\xfb\x90',
  ];
  const property = fc.asyncProperty(
    fc.constantFrom(...beginnings),
    fc.uint8Array({ maxLength: 2000 }),
    async (beginning, bytes) => isBounded(Buffer.concat([Buffer.from(beginning, 'latin1'), bytes]), 500),
  );
  await fc.assert(property, runs(200));
});
