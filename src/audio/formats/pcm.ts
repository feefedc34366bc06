import { EndOfFile } from '../failures.js';
import type { ByteReader } from '../byte-reader.js';
import { checkSound, type Sound, type SoundLimits } from '../sound.js';

/** How a sample is written. */
export type SampleEncoding = 'unsigned' | 'signed' | 'float' | 'a-law' | 'mu-law';

/** Samples one after the other, those of a moment's channels beside each other. */
export interface PcmForm {
  readonly encoding: SampleEncoding;
  /** Bytes of one sample: 1 to 4, of floats 4 or 8. */
  readonly width: number;
  readonly littleEndian: boolean;
  readonly channels: number;
  readonly rate: number;
}

/** Moments that are decoded at once. */
const BLOCK = 4096;

/**
 * Decodes samples until their end, or the file's.
 *
 * @param length their bytes; undefined: as many as there are.
 * @throws AudioFailure `broken`; `too_long`
 */
export async function* readPcm(
  input: ByteReader,
  form: PcmForm,
  length: number | undefined,
  limits: SoundLimits,
): AsyncGenerator<Sound, void, undefined> {
  checkSound(form.rate, form.channels);
  const stride = form.width * form.channels;
  if (length !== undefined) limits.announce(length / stride / form.rate);
  const read = sampleReader(form);
  for (let left = length ?? Infinity; left >= stride;) {
    await input.has(stride);
    const frames = Math.floor(Math.min(left, input.there.length, BLOCK * stride) / stride);
    if (frames === 0) {
      if (length === undefined) return;
      throw new EndOfFile();
    }
    const bytes = await input.take(frames * stride);
    left -= bytes.length;
    yield { rate: form.rate, samples: meanOfChannels(bytes, frames, form, read) };
  }
}

type ReadSample = (view: DataView, at: number) => number;

function meanOfChannels(bytes: Uint8Array, frames: number, form: PcmForm, read: ReadSample): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const samples = new Float32Array(frames);
  for (let frame = 0, at = 0; frame < frames; frame++) {
    let sum = 0;
    for (let channel = 0; channel < form.channels; channel++, at += form.width) sum += read(view, at);
    samples[frame] = sum / form.channels;
  }
  return samples;
}

/** Reads one sample; integers become `[-1, 1)`. */
function sampleReader({ encoding, width, littleEndian: little }: PcmForm): ReadSample {
  switch (encoding) {
    case 'float':
      return width === 4
        ? (view, at) => view.getFloat32(at, little)
        : (view, at) => view.getFloat64(at, little);
    case 'unsigned':
      return (view, at) => (view.getUint8(at) - 128) / 128;
    case 'a-law':
      return (view, at) => A_LAW[view.getUint8(at)]!;
    case 'mu-law':
      return (view, at) => MU_LAW[view.getUint8(at)]!;
    case 'signed':
      break;
  }
  switch (width) {
    case 1:
      return (view, at) => view.getInt8(at) / 128;
    case 2:
      return (view, at) => view.getInt16(at, little) / 32_768;
    case 3:
      return little
        ? (view, at) => (view.getInt16(at + 1, true) * 256 + view.getUint8(at)) / 8_388_608
        : (view, at) => (view.getInt16(at, false) * 256 + view.getUint8(at + 2)) / 8_388_608;
    default:
      return (view, at) => view.getInt32(at, little) / 2_147_483_648;
  }
}

/** ITU-T G.711, by code: mu-law. */
const MU_LAW = Float32Array.from({ length: 256 }, (_, code) => {
  const [sign, exponent, mantissa] = lawParts(code ^ 0xff);
  return (-sign * ((((mantissa << 3) + 132) << exponent) - 132)) / 32_768;
});

/** ITU-T G.711, by code: A-law. */
const A_LAW = Float32Array.from({ length: 256 }, (_, code) => {
  const [sign, exponent, mantissa] = lawParts(code ^ 0x55);
  const magnitude = exponent === 0 ? (mantissa << 4) + 8 : ((mantissa << 4) + 264) << (exponent - 1);
  return (sign * magnitude) / 32_768;
});

/** A code's highest bit as a sign (1: set), three bits of exponent, and four of mantissa. */
function lawParts(code: number): [sign: 1 | -1, exponent: number, mantissa: number] {
  return [(code & 0x80) === 0 ? -1 : 1, (code >> 4) & 7, code & 15];
}
