/** What a WAV is to say of itself; all that is left out is as it should be. */
export interface WavForm {
  /** `wFormatTag` */
  readonly format: number;
  readonly bits: number;
  readonly rate: number;
  readonly channels?: number;
  /** Whether the format stands in a WAVE_FORMAT_EXTENSIBLE. */
  readonly isExtensible?: boolean;
  readonly riffSize?: number;
  readonly dataSize?: number;
  /** Chunks in front of the samples, and behind them. */
  readonly before?: readonly Buffer[];
  readonly after?: readonly Buffer[];
  readonly magic?: string;
}

/** A WAV of samples that are written already. */
export function wavFile(data: Buffer, form: WavForm): Buffer {
  const { format, bits, rate, channels = 1, isExtensible = false, before = [], after = [] } = form;
  const stride = (bits / 8) * channels;
  const head = Buffer.alloc(isExtensible ? 40 : 16);
  head.writeUInt16LE(isExtensible ? 0xfffe : format, 0);
  head.writeUInt16LE(channels, 2);
  head.writeUInt32LE(rate, 4);
  head.writeUInt32LE((rate * stride) >>> 0, 8);
  head.writeUInt16LE(stride & 0xffff, 12);
  head.writeUInt16LE(bits, 14);
  if (isExtensible) {
    head.writeUInt16LE(22, 16);
    head.writeUInt16LE(bits, 18);
    head.writeUInt16LE(format, 24);
    Buffer.from('000000001000800000aa00389b71', 'hex').copy(head, 26);
  }
  const samples = wavChunk('data', data, form.dataSize);
  const chunks = Buffer.concat([...before, wavChunk('fmt ', head), samples, ...after]);
  const riff = Buffer.alloc(12);
  riff.write(form.magic ?? 'RIFF', 0, 'latin1');
  riff.writeUInt32LE(form.riffSize ?? chunks.length + 4, 4);
  riff.write('WAVE', 8, 'latin1');
  return Buffer.concat([riff, chunks]);
}

/** A chunk, with the byte that makes its length even. @param size what it says to have. */
export function wavChunk(id: string, content: Buffer, size = content.length): Buffer {
  const head = Buffer.alloc(8);
  head.write(id, 0, 'latin1');
  head.writeUInt32LE(size, 4);
  return Buffer.concat([head, content, Buffer.alloc(content.length % 2)]);
}

/** A WAV of 16 bits. */
export function wavOf(samples: Float32Array, rate: number): Buffer {
  return wavFile(pcm16(samples), { format: 1, bits: 16, rate });
}

export function pcm16(samples: Float32Array): Buffer {
  const data = Buffer.alloc(samples.length * 2);
  samples.forEach((sample, i) => data.writeInt16LE(Math.round(sample * 32_767), 2 * i));
  return data;
}
