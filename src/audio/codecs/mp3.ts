import { MPEGDecoder } from 'mpg123-decoder';
import { broken } from '../failures.js';
import { downmix, type Sound } from '../sound.js';
import { DamagedData, strictly } from './strictly.js';

/** Damaged pieces in a row, and none of them a sound, after which no more is tried. */
const MOST_DAMAGED = 100;

/** Decodes MPEG audio, whose bytes may be cut anywhere. */
export class Mp3Decoder {
  readonly #decoder = new MPEGDecoder();
  #damaged = 0;

  static async open(): Promise<Mp3Decoder> {
    const decoder = new Mp3Decoder();
    await decoder.#decoder.ready;
    return decoder;
  }

  private constructor() {}

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
