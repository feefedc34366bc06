import type { ByteReader } from '../byte-reader.js';
import {
  decodeFlacFrame,
  FLAC_HEADER_SIZE,
  largestFrame,
  readFlacHeader,
  readStreamInfo,
  STREAM_INFO_SIZE,
  type FlacStream,
} from '../codecs/flac.js';
import { broken, EndOfFile } from '../failures.js';
import type { Sound, SoundLimits, SoundStream } from '../sound.js';

/** Damaged frames that are passed over in one file; each costs as much as a sound one. */
const MOST_DAMAGED = 100;

/**
 * Reads a FLAC file (RFC 9639). Damaged frames are passed over.
 *
 * @throws AudioFailure, EndOfFile
 */
export async function* readFlac(input: ByteReader, limits: SoundLimits): SoundStream {
  await input.skip(4);
  const stream = await readMetadata(input);
  if (stream.total > 0) limits.announce(stream.total / stream.rate);
  for (let damaged = 0; await input.has(2);) {
    await input.has(FLAC_HEADER_SIZE);
    const frame = await readFrame(input, stream);
    if (frame === 'none') await skipToFrame(input);
    else if (frame === 'damaged') {
      if (++damaged > MOST_DAMAGED) throw broken('has too many damaged frames');
      await skipToFrame(input);
    } else yield frame;
  }
}

async function readMetadata(input: ByteReader): Promise<FlacStream> {
  let stream: FlacStream | undefined;
  for (let isLast = false; !isLast;) {
    const [first, ...size] = await input.take(4);
    isLast = (first! & 0x80) !== 0;
    const length = size.reduce((sum, byte) => sum * 256 + byte, 0);
    if ((first! & 0x7f) === 0 && length >= STREAM_INFO_SIZE) {
      stream = readStreamInfo(await input.take(STREAM_INFO_SIZE));
      await input.skip(length - STREAM_INFO_SIZE);
    } else await input.skip(length);
  }
  if (stream === undefined) throw broken('is a FLAC without a header');
  return stream;
}

/** @returns `none` where the next bytes are no frame. */
async function readFrame(input: ByteReader, stream: FlacStream): Promise<Sound | 'none' | 'damaged'> {
  const header = readFlacHeader(input.there, stream);
  if (header === undefined) return 'none';
  const isWhole = await input.has(largestFrame(header));
  try {
    const { sound, length } = decodeFlacFrame(input.there, header);
    await input.take(length);
    return sound;
  } catch (error) {
    // A frame that is cut ends the file; one that wants more than any frame has is damaged.
    if (error instanceof EndOfFile && !isWhole) throw error;
    return 'damaged';
  }
}

/** Passes over bytes to the next that might begin a frame. */
async function skipToFrame(input: ByteReader): Promise<void> {
  await input.take(1);
  while (await input.has(1)) {
    const at = input.there.indexOf(0xff);
    await input.take(at === -1 ? input.there.length : at);
    if (at !== -1) return;
  }
}
