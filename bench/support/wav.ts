/** Bytes in front of the samples of a plain WAV file. */
export const WAV_HEADER = 44;

const FORMATS = { pcm: 1, muLaw: 7 } as const;

export interface WavForm {
  readonly format: keyof typeof FORMATS;
  /** Samples a second. */
  readonly rate: number;
  /** Of a sample. */
  readonly bits: number;
}

/** A WAV file of one channel. */
export function wavOf(samples: Uint8Array, { format, rate, bits }: WavForm): Buffer<ArrayBuffer> {
  const header = Buffer.alloc(WAV_HEADER);
  const width = bits / 8;
  header.write('RIFF', 0);
  header.writeUInt32LE(WAV_HEADER - 8 + samples.length, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(FORMATS[format], 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(width * rate, 28);
  header.writeUInt16LE(width, 32);
  header.writeUInt16LE(bits, 34);
  header.write('data', 36);
  header.writeUInt32LE(samples.length, 40);
  return Buffer.concat([header, samples]);
}
