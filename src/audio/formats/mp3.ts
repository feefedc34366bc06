import type { ByteReader } from '../byte-reader.js';
import { Mp3Decoder } from '../codecs/mp3.js';
import type { SoundStream } from '../sound.js';

/** Bytes that are decoded at once: some frames, of which a damaged one takes the others along. */
const PIECE = 1024;

/**
 * Reads an MP3. Padding that its LAME header tells of is left out.
 *
 * @throws AudioFailure
 */
export async function* readMp3(input: ByteReader): SoundStream {
  const decoder = await Mp3Decoder.open();
  try {
    for (;;) {
      const bytes = await input.takeSome(PIECE);
      if (bytes.length === 0) return;
      const sound = decoder.decode(bytes);
      if (sound !== undefined) yield sound;
    }
  } finally {
    decoder.free();
  }
}

/** Kbit a second by the header's four bits, in units of 8, of layers 1 to 3 of MPEG-1, then of MPEG-2 and 2.5. */
const BITRATES = [
  [
    [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56],
    [0, 4, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48],
    [0, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40],
  ],
  [
    [0, 4, 6, 7, 8, 10, 12, 14, 16, 18, 20, 22, 24, 28, 32],
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 18, 20],
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 18, 20],
  ],
];

const RATES = [44_100, 48_000, 32_000];

/**
 * Where the first two frames that follow each other begin (one, where the bytes end within it): what is no sound at
 * all has no two such.
 *
 * @returns undefined: nowhere.
 */
export function findMp3(bytes: Uint8Array): number | undefined {
  for (let at = bytes.indexOf(0xff); at !== -1; at = bytes.indexOf(0xff, at + 1)) {
    const length = frameLength(bytes, at);
    if (length === undefined) continue;
    const next = at + length;
    if (next + 4 > bytes.length ? at === 0 : frameLength(bytes, next) !== undefined) return at;
  }
  return undefined;
}

/** Bytes of the frame whose header is at `at`; undefined: there is none. */
function frameLength(bytes: Uint8Array, at: number): number | undefined {
  if (bytes[at] !== 0xff || (bytes[at + 1]! & 0xe0) !== 0xe0) return undefined;
  const version = (bytes[at + 1]! >> 3) & 3;
  const layer = 4 - ((bytes[at + 1]! >> 1) & 3);
  const rate = RATES[(bytes[at + 2]! >> 2) & 3];
  if (version === 1 || layer === 4 || rate === undefined) return undefined;
  const bitrate = 8000 * (BITRATES[version === 3 ? 0 : 1]![layer - 1]![bytes[at + 2]! >> 4] ?? 0);
  if (bitrate === 0) return undefined;
  const padding = (bytes[at + 2]! >> 1) & 1;
  const slower = version === 3 ? 1 : version === 2 ? 2 : 4;
  if (layer === 1) return 4 * (Math.floor((12 * bitrate * slower) / rate) + padding);
  const moments = layer === 3 && version !== 3 ? 72 : 144;
  return Math.floor((moments * bitrate * slower) / rate) + padding;
}
