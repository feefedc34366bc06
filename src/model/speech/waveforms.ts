import { requireSound } from './require-sound.js';
import { HOP, type Recording, type SoundFeatures } from './types.js';

/** Samples that are kept in one array: 30 s. */
const PIECE = 480_000;

/** For encoders that hear samples as they are. */
export class Waveforms implements SoundFeatures {
  readonly frames: number;

  /** @param longest samples of a window. */
  constructor(longest: number) {
    this.frames = Math.floor(longest / HOP);
  }

  open(): Recording {
    return new KeptRecording();
  }

  dispose(): void {
    // Nothing is computed.
  }
}

/** A recording whose samples are kept. Where it ends within a frame, that is its last one. */
class KeptRecording implements Recording {
  readonly #pieces: Float32Array[] = [];
  /** Samples of all. */
  #length = 0;
  #isOver = false;

  get frames(): number {
    return (this.#isOver ? Math.ceil : Math.floor)(this.#length / HOP);
  }

  append(samples: Float32Array): Promise<void> {
    requireSound(samples);
    for (let begin = 0, end: number; begin < samples.length; begin = end) {
      const filled = this.#length % PIECE;
      if (filled === 0) this.#pieces.push(new Float32Array(PIECE));
      end = Math.min(samples.length, begin + PIECE - filled);
      this.#pieces.at(-1)!.set(samples.subarray(begin, end), filled);
      this.#length += end - begin;
    }
    return Promise.resolve();
  }

  end(): Promise<void> {
    this.#isOver = true;
    return Promise.resolve();
  }

  window(seek: number, length: number): Float32Array {
    const first = seek * HOP;
    const samples = new Float32Array(Math.min(this.#length, (seek + length) * HOP) - first);
    for (let filled = 0; filled < samples.length;) {
      const piece = this.#pieces[Math.floor((first + filled) / PIECE)]!;
      const from = (first + filled) % PIECE;
      const part = piece.subarray(from, from + samples.length - filled);
      samples.set(part, filled);
      filled += part.length;
    }
    return samples;
  }
}
