import { broken } from '../failures.js';
import { checkSound, type Sound } from '../sound.js';
import { BitReader } from './bit-reader.js';

/** What STREAMINFO says of all frames (RFC 9639, section 8.2). */
export interface FlacStream {
  readonly rate: number;
  readonly channels: number;
  readonly bits: number;
  /** Moments; 0: not known. */
  readonly total: number;
}

/** Bytes of STREAMINFO. */
export const STREAM_INFO_SIZE = 34;

/** Longest header of a frame. */
export const FLAC_HEADER_SIZE = 16;

/** What a frame says of itself before its sound (RFC 9639, section 9.1). */
export interface FlacHeader {
  /** Bytes of the header. */
  readonly length: number;
  /** Moments in it. */
  readonly blockSize: number;
  readonly rate: number;
  readonly channels: number;
  /** How two channels are told from each other. */
  readonly stereo: 'independent' | 'left-side' | 'side-right' | 'mid-side';
  readonly bits: number;
}

/** @throws AudioFailure `broken` */
export function readStreamInfo(bytes: Uint8Array): FlacStream {
  const bits = new BitReader(bytes, 10);
  const stream = { rate: bits.read(20), channels: bits.read(3) + 1, bits: bits.read(5) + 1 };
  checkSound(stream.rate, stream.channels);
  return { ...stream, total: bits.read(4) * 2 ** 32 + bits.read(32) };
}

const RATES = [0, 88_200, 176_400, 192_000, 8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000];
const BITS = [0, 8, 12, 0, 16, 20, 24, 32];
const STEREO = ['left-side', 'side-right', 'mid-side'] as const;

/** @returns undefined where no frame begins at these bytes. */
export function readFlacHeader(bytes: Uint8Array, stream: FlacStream): FlacHeader | undefined {
  if (bytes[0] !== 0xff || (bytes[1]! & 0xfe) !== 0xf8 || bytes.length < 6) return undefined;
  const sizeCode = bytes[2]! >> 4;
  const rateCode = bytes[2]! & 15;
  const channelCode = bytes[3]! >> 4;
  const bitsCode = (bytes[3]! >> 1) & 7;
  if (sizeCode === 0 || rateCode === 15 || channelCode > 10 || bitsCode === 3 || (bytes[3]! & 1) === 1)
    return undefined;
  // The frame's number, written as UTF-8 writes a character, is as long as its first byte has leading ones.
  let at = 4 + Math.max(1, Math.clz32(~(bytes[4]! << 24)));
  const next = (count: number): number => {
    let value = 0;
    for (let i = 0; i < count; i++) value = value * 256 + (bytes[at++] ?? 0);
    return value;
  };
  const blockSize =
    sizeCode === 1
      ? 192
      : sizeCode < 6
        ? 576 << (sizeCode - 2)
        : sizeCode < 8
          ? next(sizeCode - 5) + 1
          : 1 << sizeCode;
  const rate =
    rateCode === 0
      ? stream.rate
      : rateCode < 12
        ? RATES[rateCode]!
        : rateCode === 12
          ? next(1) * 1000
          : next(2) * (rateCode === 14 ? 10 : 1);
  if (at >= bytes.length || crc8(bytes.subarray(0, at)) !== bytes[at]) return undefined;
  return {
    length: at + 1,
    blockSize,
    rate,
    channels: channelCode < 8 ? channelCode + 1 : 2,
    stereo: channelCode < 8 ? 'independent' : STEREO[channelCode - 8]!,
    bits: bitsCode === 0 ? stream.bits : BITS[bitsCode]!,
  };
}

/** Bytes of a frame at most, as any encoder writes it: no larger than its samples are without compression. */
export function largestFrame({ length, blockSize, channels, bits }: FlacHeader): number {
  return length + channels * (Math.ceil((blockSize * (bits + 1)) / 8) + 64) + 2;
}

/**
 * Decodes a frame.
 *
 * @param bytes from its first on; there may be more behind it.
 * @returns its sound, and how many bytes it has.
 * @throws EndOfFile where bytes are missing; AudioFailure `broken`
 */
export function decodeFlacFrame(bytes: Uint8Array, header: FlacHeader): { sound: Sound; length: number } {
  checkSound(header.rate, header.channels);
  const bits = new BitReader(bytes, header.length);
  const channels = Array.from({ length: header.channels }, (_, channel) => {
    // A difference of two channels takes one more bit.
    const isSide =
      header.stereo === 'side-right' ? channel === 0 : header.stereo !== 'independent' && channel === 1;
    return readSubframe(bits, header.blockSize, header.bits + (isSide ? 1 : 0));
  });
  bits.alignToByte();
  const end = bits.bytesRead;
  if (bits.read(16) !== crc16(bytes, end)) throw broken('has a damaged frame');
  if (header.stereo !== 'independent') undoStereo(channels, header.stereo);
  return { sound: { rate: header.rate, samples: meanOf(channels, header.bits) }, length: end + 2 };
}

/** The mean of channels of whole numbers of `bits` bits, as samples. */
function meanOf(channels: readonly Float64Array[], bits: number): Float32Array {
  const samples = new Float32Array(channels[0]!.length);
  const scale = 2 ** (1 - bits) / channels.length;
  for (const channel of channels) for (let i = 0; i < samples.length; i++) samples[i]! += channel[i]! * scale;
  return samples;
}

function undoStereo([a, b]: readonly Float64Array[], stereo: FlacHeader['stereo']): void {
  for (let i = 0; i < a!.length; i++) {
    const first = a![i]!;
    const second = b![i]!;
    if (stereo === 'left-side') b![i] = first - second;
    else if (stereo === 'side-right') a![i] = first + second;
    else {
      // The mean lost its lowest bit, which the difference has.
      const sum = 2 * first + (second & 1);
      a![i] = (sum + second) / 2;
      b![i] = (sum - second) / 2;
    }
  }
}

/** One channel of a frame (RFC 9639, section 9.2). */
function readSubframe(bits: BitReader, blockSize: number, width: number): Float64Array {
  if (bits.read(1) === 1) throw broken('has a damaged frame');
  const type = bits.read(6);
  const wasted = bits.read(1) === 1 ? bits.readUnary() + 1 : 0;
  if (wasted >= width) throw broken('has a damaged frame');
  const samples = new Float64Array(blockSize);
  readSamples(bits, type, width - wasted, samples);
  if (wasted > 0) for (let i = 0; i < blockSize; i++) samples[i]! *= 2 ** wasted;
  return samples;
}

/** Differences that the fixed predictors take: weights of the samples before, the last one first. */
const FIXED = [[], [1], [2, -1], [3, -3, 1], [4, -6, 4, -1]];

function readSamples(bits: BitReader, type: number, width: number, samples: Float64Array): void {
  if (type === 0) {
    samples.fill(bits.readSigned(width));
    return;
  }
  if (type === 1) {
    for (let i = 0; i < samples.length; i++) samples[i] = bits.readSigned(width);
    return;
  }
  const isFixed = type >= 8 && type <= 12;
  if (!isFixed && type < 32) throw broken('has a damaged frame');
  const order = isFixed ? type - 8 : type - 31;
  if (order > samples.length) throw broken('has a damaged frame');
  for (let i = 0; i < order; i++) samples[i] = bits.readSigned(width);
  if (isFixed) {
    readResidual(bits, order, samples);
    predict(samples, FIXED[order]!, 0);
    return;
  }
  const precision = bits.read(4) + 1;
  const shift = bits.readSigned(5);
  if (precision === 16 || shift < 0) throw broken('has a damaged frame');
  const weights = Array.from({ length: order }, () => bits.readSigned(precision));
  readResidual(bits, order, samples);
  predict(samples, weights, shift);
}

/** Adds to each sample what is predicted of those before it; all sums are whole numbers below `2 ** 53`. */
function predict(samples: Float64Array, weights: readonly number[], shift: number): void {
  const order = weights.length;
  const scale = 2 ** -shift;
  // From the oldest sample on.
  const reversed = Float64Array.from(weights).reverse();
  for (let i = order; i < samples.length; i++) {
    let sum = 0;
    for (let j = 0, at = i - order; j < order; j++, at++) sum += reversed[j]! * samples[at]!;
    samples[i]! += Math.floor(sum * scale);
  }
}

/** What the prediction left over, in Rice's code (RFC 9639, section 9.2.7), into the samples from `order` on. */
function readResidual(bits: BitReader, order: number, samples: Float64Array): void {
  const method = bits.read(2);
  if (method > 1) throw broken('has a damaged frame');
  const parameterBits = 4 + method;
  const escape = 2 ** parameterBits - 1;
  const partitions = 2 ** bits.read(4);
  const size = samples.length / partitions;
  if (!Number.isInteger(size) || size < order) throw broken('has a damaged frame');
  for (let partition = 0, at = order; partition < partitions; partition++) {
    const end = (partition + 1) * size;
    const parameter = bits.read(parameterBits);
    if (parameter === escape) {
      const width = bits.read(5);
      for (; at < end; at++) samples[at] = bits.readSigned(width);
    } else for (; at < end; at++) samples[at] = readRice(bits, parameter);
  }
}

function readRice(bits: BitReader, parameter: number): number {
  const quotient = bits.readUnary();
  const rest = bits.read(parameter);
  if (quotient < 1 << (30 - parameter)) {
    const folded = (quotient << parameter) | rest;
    return (folded >>> 1) ^ -(folded & 1);
  }
  const folded = quotient * 2 ** parameter + rest;
  return folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
}

const CRC8 = crcTable(0x07, 8);
const CRC16 = crcTable(0x8005, 16);

function crc8(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) crc = CRC8[crc ^ byte]!;
  return crc;
}

function crc16(bytes: Uint8Array, end: number): number {
  let crc = 0;
  for (let i = 0; i < end; i++) crc = ((crc << 8) & 0xffff) ^ CRC16[(crc >> 8) ^ bytes[i]!]!;
  return crc;
}

/** By byte, of a polynomial of `width` bits, the highest bit first. */
function crcTable(polynomial: number, width: number): Uint16Array {
  const top = 1 << (width - 1);
  return Uint16Array.from({ length: 256 }, (_, byte) => {
    let crc = byte << (width - 8);
    for (let bit = 0; bit < 8; bit++) crc = (crc & top) === 0 ? crc << 1 : (crc << 1) ^ polynomial;
    return crc & (2 * top - 1);
  });
}
