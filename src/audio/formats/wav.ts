import type { ByteReader } from '../byte-reader.js';
import { broken, unknown } from '../failures.js';
import type { SoundLimits, SoundStream } from '../sound.js';
import { readPcm, type PcmForm, type SampleEncoding } from './pcm.js';

/** A size from here on means that who wrote it did not know: streams have 2 GiB, or the largest there is. */
const UNKNOWN_SIZE = 0x7fff_f000;

const EXTENSIBLE = 0xfffe;

/** `wFormatTag` (mmreg.h), and how many bytes a sample has at most. */
const ENCODINGS: Readonly<Record<number, { encoding: SampleEncoding; widths: readonly number[] }>> = {
  1: { encoding: 'signed', widths: [1, 2, 3, 4] },
  3: { encoding: 'float', widths: [4, 8] },
  6: { encoding: 'a-law', widths: [1] },
  7: { encoding: 'mu-law', widths: [1] },
};

/**
 * Reads a WAV (RIFF, or RF64 and BW64 of EBU Tech 3306) as it comes: chunks in any order before the samples, sizes
 * that were never filled in, any linear encoding, A-law and mu-law.
 *
 * @throws AudioFailure, EndOfFile
 */
export async function* readWav(input: ByteReader, limits: SoundLimits): SoundStream {
  await input.skip(12);
  let form: PcmForm | undefined;
  let longSize: number | undefined;
  for (;;) {
    const header = await input.take(8);
    const id = String.fromCharCode(...header.subarray(0, 4));
    const size = view(header).getUint32(4, true);
    if (id === 'data') {
      if (form === undefined) throw broken('says nothing of how its samples are written before they come');
      yield* readPcm(input, form, await lengthOfData(input, size, longSize), limits);
      return;
    }
    if (id === 'fmt ') form = await readForm(input, size);
    else if (id === 'ds64' && size >= 16) {
      longSize = Number(view(await input.take(16)).getBigUint64(8, true));
      await input.skip(size - 16);
    } else await input.skip(size);
    if (size % 2 === 1) await input.skip(1);
  }
}

/** Bytes of samples; undefined: as many as there are. */
async function lengthOfData(
  input: ByteReader,
  size: number,
  longSize: number | undefined,
): Promise<number | undefined> {
  if (size === 0xffff_ffff && longSize !== undefined && longSize > 0) return longSize;
  if (size >= UNKNOWN_SIZE) return undefined;
  // Of a stream, unless another chunk follows.
  if (size === 0)
    return (await input.has(4)) && CHUNK_AFTER.has(String.fromCharCode(...input.there.subarray(0, 4)))
      ? 0
      : undefined;
  return size;
}

const CHUNK_AFTER: ReadonlySet<string> = new Set(['LIST', 'fact', 'cue ', 'bext', 'id3 ', 'ID3 ', 'JUNK']);

async function readForm(input: ByteReader, size: number): Promise<PcmForm> {
  if (size < 16) throw broken('has a header that is too short');
  const used = Math.min(size, 40);
  const header = view(await input.take(used));
  let format = header.getUint16(0, true);
  const channels = header.getUint16(2, true);
  const rate = header.getUint32(4, true);
  const blockAlign = header.getUint16(12, true);
  const bits = header.getUint16(14, true);
  // The first bytes of the sub-format's name are a wFormatTag.
  if (format === EXTENSIBLE && used >= 26) format = header.getUint16(24, true);
  await input.skip(size - used);
  const known = ENCODINGS[format];
  if (known === undefined) throw unknown(`is a WAV with an encoding that is not known (format ${format})`);
  const aligned = blockAlign / channels;
  const width = known.widths.includes(aligned) ? aligned : Math.ceil(bits / 8);
  if (!known.widths.includes(width)) throw unknown(`is a WAV with samples of ${bits} bits`);
  const encoding = known.encoding === 'signed' && width === 1 ? 'unsigned' : known.encoding;
  return { encoding, width, littleEndian: true, channels, rate };
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
