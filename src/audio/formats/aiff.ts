import type { ByteReader } from '../byte-reader.js';
import { broken, unknown } from '../failures.js';
import type { SoundLimits, SoundStream } from '../sound.js';
import { readPcm, type PcmForm, type SampleEncoding } from './pcm.js';

type Compression = Pick<PcmForm, 'encoding' | 'littleEndian'> & { readonly width?: number };

/** The compression types of AIFF-C that compress nothing, or by G.711. */
const COMPRESSIONS: Readonly<Record<string, Compression>> = {
  NONE: big('signed'),
  twos: big('signed'),
  in24: big('signed', 3),
  in32: big('signed', 4),
  sowt: { encoding: 'signed', littleEndian: true },
  raw: big('unsigned', 1),
  fl32: big('float', 4),
  FL32: big('float', 4),
  fl64: big('float', 8),
  FL64: big('float', 8),
  alaw: big('a-law', 1),
  ALAW: big('a-law', 1),
  ulaw: big('mu-law', 1),
  ULAW: big('mu-law', 1),
};

/**
 * Reads an AIFF or AIFF-C (Apple, 1989 and 1991) whose form comes before its samples, as all programs write it.
 *
 * @throws AudioFailure, EndOfFile
 */
export async function* readAiff(input: ByteReader, limits: SoundLimits): SoundStream {
  await input.skip(12);
  for (let form: PcmForm | undefined; ;) {
    const header = await input.take(8);
    const id = String.fromCharCode(...header.subarray(0, 4));
    const size = view(header).getUint32(4);
    if (id === 'SSND') {
      if (form === undefined) throw broken('says nothing of how its samples are written before they come');
      const offset = view(await input.take(8)).getUint32(0);
      await input.skip(offset);
      const length = size - 8 - offset;
      yield* readPcm(input, form, length > 0 && size < 0x7fff_f000 ? length : undefined, limits);
      return;
    }
    if (id === 'COMM') form = await readForm(input, size);
    else await input.skip(size);
    if (size % 2 === 1) await input.skip(1);
  }
}

async function readForm(input: ByteReader, size: number): Promise<PcmForm> {
  if (size < 18) throw broken('has a header that is too short');
  const used = Math.min(size, 22);
  const bytes = await input.take(used);
  const header = view(bytes);
  const channels = header.getUint16(0);
  const bits = header.getUint16(6);
  const rate = Math.round(extended(header, 8));
  const name = used < 22 ? 'NONE' : String.fromCharCode(...bytes.subarray(18)).trimEnd();
  await input.skip(size - used);
  const compression = COMPRESSIONS[name];
  if (compression === undefined) throw unknown(`is an AIFF with an encoding that is not known (${name})`);
  const width = compression.width ?? Math.ceil(bits / 8);
  if (width < 1 || (compression.width === undefined && width > 4))
    throw unknown(`is an AIFF with samples of ${bits} bits`);
  return { ...compression, width, channels, rate };
}

function big(encoding: SampleEncoding, width?: number): Compression {
  return { encoding, littleEndian: false, ...(width !== undefined && { width }) };
}

/** A number of 80 bits (IEEE 754 extended). */
function extended(view: DataView, at: number): number {
  const exponent = view.getUint16(at) & 0x7fff;
  return (view.getUint32(at + 2) * 2 ** 32 + view.getUint32(at + 6)) * 2 ** (exponent - 16_383 - 63);
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
