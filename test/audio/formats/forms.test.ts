import { readFile } from 'node:fs/promises';
import t from 'tap';
import { decodeBytes } from '#test/support/decode-bytes.js';
import { difference, knownMean, sampled } from '#test/support/known-sound.js';

const FOLDER = new URL('../../../../test/fixtures/audio/', import.meta.url);

/** Channels of each file, how far its sound may be from the one that was encoded, and samples that it may begin later. */
const FILES: Readonly<Record<string, { channels: number; most: number; padding?: number }>> = {
  'stereo.mp3': { channels: 2, most: 0.1 },
  'no-header.mp3': { channels: 1, most: 0.1, padding: 2000 },
  'layer2.mp3': { channels: 1, most: 0.1, padding: 2000 },
  'stereo.flac': { channels: 2, most: 1e-3 },
  '24-bit.flac': { channels: 1, most: 1e-5 },
  'flac.ogg': { channels: 1, most: 1e-3 },
  'vorbis.ogg': { channels: 2, most: 0.1 },
  'vorbis-8k.ogg': { channels: 1, most: 0.1 },
  'opus.ogg': { channels: 2, most: 0.1 },
  'opus-4-channels.ogg': { channels: 4, most: 0.1 },
  'live.webm': { channels: 1, most: 0.1 },
  'opus.webm': { channels: 2, most: 0.1 },
  // Without a note on where it ends: its last block is whole.
  'vorbis.webm': { channels: 1, most: 0.12, padding: 1 },
  'flac.mka': { channels: 1, most: 1e-3 },
};

for (const [name, { channels, most, padding }] of Object.entries(FILES))
  t.test(name, async t => {
    const file = await readFile(new URL(name, FOLDER));
    const expected = sampled(time => knownMean(time, channels), 16_000);
    const sound = await decodeBytes(file);
    const begin = padding === undefined ? 0 : delayOf(sound, expected, padding);
    if (padding === undefined) t.equal(sound.length, expected.length);
    const error = difference(sound.subarray(begin, begin + expected.length), expected);
    t.ok(error < most, `${error}, from ${begin} of ${sound.length} on`);
    t.strictSame(await decodeBytes(file, { piece: 7 }), sound, 'however it comes');
  });

/** Where a sound begins within another one: where their product is largest. */
function delayOf(sound: Float32Array, expected: Float32Array, most: number): number {
  const products = Array.from({ length: most }, (_, delay) =>
    expected.reduce((sum, sample, i) => sum + sample * (sound[delay + i] ?? 0), 0),
  );
  return products.indexOf(Math.max(...products));
}
