import type { ByteReader } from '../byte-reader.js';
import { broken, unknown } from '../failures.js';
import type { SoundLimits, SoundStream } from '../sound.js';
import { readAiff } from './aiff.js';
import { readFlac } from './flac.js';
import { readMatroska } from './matroska.js';
import { findMp3, readMp3 } from './mp3.js';
import { readOgg } from './ogg.js';
import { readWav } from './wav.js';

interface Form {
  /** How a file of the form begins, by position. */
  readonly magic: Readonly<Record<number, string>>;
  readonly read: (input: ByteReader, limits: SoundLimits) => SoundStream;
}

const FORMS: readonly Form[] = [
  { magic: { 0: 'RIFF', 8: 'WAVE' }, read: readWav },
  { magic: { 0: 'RF64', 8: 'WAVE' }, read: readWav },
  { magic: { 0: 'BW64', 8: 'WAVE' }, read: readWav },
  { magic: { 0: 'FORM', 8: 'AIFF' }, read: readAiff },
  { magic: { 0: 'FORM', 8: 'AIFC' }, read: readAiff },
  { magic: { 0: 'fLaC' }, read: readFlac },
  { magic: { 0: 'OggS' }, read: readOgg },
  { magic: { 0: '\x1a\x45\xdf\xa3' }, read: readMatroska },
];

/** Bytes in which an MP3 that begins with anything else must begin: two of its longest frames. */
const MP3_WINDOW = 4096;

/** The forms that are read here, for messages. */
export const READABLE = 'wav, mp3, flac, ogg (Opus, Vorbis or FLAC), webm (Opus or Vorbis) and aiff';

/**
 * Reads a recording, whose form is told by its first bytes.
 *
 * @throws AudioFailure; EndOfFile where it ends within something.
 */
export async function* readSound(input: ByteReader, limits: SoundLimits): SoundStream {
  if (!(await input.has(1))) throw broken('is empty');
  await skipTags(input);
  await input.has(12);
  const form = FORMS.find(({ magic }) =>
    Object.entries(magic).every(([at, text]) => textAt(input.there, Number(at), text.length) === text),
  );
  if (form !== undefined) {
    yield* form.read(input, limits);
    return;
  }
  if (textAt(input.there, 4, 4) === 'ftyp') throw unknown('is an MP4 (m4a)');
  await input.has(MP3_WINDOW);
  const begin = findMp3(input.there.subarray(0, MP3_WINDOW));
  if (begin === undefined) throw unknown('has no form that is known');
  await input.skip(begin);
  yield* readMp3(input);
}

/** Passes over ID3v2 tags, which may hold pictures, in front of any form. */
async function skipTags(input: ByteReader): Promise<void> {
  while ((await input.has(10)) && textAt(input.there, 0, 3) === 'ID3') {
    const { there } = input;
    // Seven bits of each byte; flag 0x10: the header is repeated behind the tag.
    const size = there.subarray(6, 10).reduce((sum, byte) => sum * 128 + (byte & 0x7f), 0);
    await input.skip(10 + size + ((there[5]! & 0x10) === 0 ? 0 : 10));
  }
}

function textAt(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}
