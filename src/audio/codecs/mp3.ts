import type { MPEGDecoder } from 'mpg123-decoder';
import { broken, unknown } from '../failures.js';
import { downmix, type Sound } from '../sound.js';
import { DamagedData, strictly } from './strictly.js';

/** Damaged pieces in a row, and none of them a sound, after which no more is tried. */
const MOST_DAMAGED = 100;

/** Decodes MPEG audio, whose bytes may be cut anywhere. */
export class Mp3Decoder {
  readonly #decoder: MPEGDecoder;
  #damaged = 0;

  /** @throws AudioFailure `unknown` where the optional package is not there: then it is another program's to read. */
  static async open(): Promise<Mp3Decoder> {
    const library = await import('mpg123-decoder').catch(() => {
      throw unknown(
        'is an MP3, which wants the optional package mpg123-decoder (npm install mpg123-decoder)',
      );
    });
    const decoder = new library.MPEGDecoder();
    await decoder.ready;
    return new Mp3Decoder(decoder);
  }

  private constructor(decoder: MPEGDecoder) {
    this.#decoder = decoder;
  }

  /**
   * @param bytes some thousands at most.
   * @returns undefined where there is no sound yet.
   * @throws AudioFailure `broken`
   */
  decode(bytes: Uint8Array): Sound | undefined {
    try {
      const { samplesDecoded, sampleRate, channelData } = strictly(() => this.#decoder.decode(bytes));
      if (samplesDecoded === 0) return undefined;
      this.#damaged = 0;
      return { rate: sampleRate, samples: downmix(channelData) };
    } catch (error) {
      if (!(error instanceof DamagedData)) throw error;
      if (++this.#damaged > MOST_DAMAGED) throw broken('is a damaged MP3');
      return undefined;
    }
  }

  free(): void {
    this.#decoder.free();
  }
}
