import { IoBinding, RunOptions, Tensor, type Session } from '#runtime/index.js';
import type { SoundShape } from '../decoder/contract.js';
import { requireSound } from './require-sound.js';
import { HOP, WINDOW, type Recording } from './types.js';

/** Frames of one run of the graph: 30 s. */
const PIECE = 3000;
/** Samples in front of a frame's middle that it hears, and as many behind. */
const REACH = WINDOW / 2;
/** What lies further below the largest logarithm than this is raised to it. */
const RANGE = 8;

/** Logarithms of power of some frames, `[bins, frames]`. */
interface Piece {
  readonly begin: number;
  readonly frames: number;
  readonly values: Float32Array;
}

/**
 * A recording whose features a graph makes, piece by piece. Frames that lie across two pieces are computed of
 * samples of both, so that the numbers do not depend on the pieces. The first frame's middle is the first sample,
 * in front of which the sound is mirrored; behind the last one is silence.
 */
export class HeardRecording implements Recording {
  readonly #session: Session;
  readonly #shape: SoundShape;
  readonly #pieces: Piece[] = [];
  /** From `REACH` before the next frame's middle on; those in front of the recording are mirrored at last. */
  readonly #samples = new Float32Array((PIECE - 1) * HOP + WINDOW);
  #filled = REACH;
  /** Samples of all. */
  #length = 0;
  #computed = 0;
  #largest = -Infinity;
  #isOver = false;

  /** @param session of the graph that makes features. */
  constructor(session: Session, shape: SoundShape) {
    this.#session = session;
    this.#shape = shape;
  }

  get frames(): number {
    return this.#isOver ? Math.floor(this.#length / HOP) : this.#computed;
  }

  async append(samples: Float32Array): Promise<void> {
    requireSound(samples);
    this.#length += samples.length;
    for (let begin = 0, end: number; begin < samples.length; begin = end) {
      end = Math.min(samples.length, begin + this.#samples.length - this.#filled);
      this.#samples.set(samples.subarray(begin, end), this.#filled);
      this.#filled += end - begin;
      if (this.#filled === this.#samples.length) await this.#compute(PIECE);
    }
  }

  async end(): Promise<void> {
    // As far as a frame hears anything, since the largest number may be there.
    const all = this.#length === 0 ? 0 : Math.ceil((this.#length + REACH) / HOP);
    while (this.#computed < all) {
      this.#samples.fill(0, this.#filled);
      await this.#compute(Math.min(PIECE, all - this.#computed));
    }
    this.#isOver = true;
  }

  window(seek: number, length: number): Float32Array {
    const { bins, frames: width } = this.#shape;
    const features = new Float32Array(bins * width);
    const floor = this.#largest - RANGE;
    for (const { begin, frames, values } of this.#pieces) {
      const [first, last] = [Math.max(seek, begin), Math.min(seek + length, begin + frames)];
      for (let bin = 0; bin < bins && first < last; bin++) {
        const [from, to] = [bin * frames - begin, bin * width - seek];
        for (let frame = first; frame < last; frame++)
          features[to + frame] = (Math.max(values[from + frame]!, floor) + 4) / 4;
      }
    }
    return features;
  }

  /** Makes features of the next frames, whose samples are there. */
  async #compute(frames: number): Promise<void> {
    const samples = this.#samples;
    if (this.#computed === 0) for (let i = 1; i <= REACH; i++) samples[REACH - i] = samples[REACH + i]!;
    const { bins } = this.#shape;
    const read = samples.subarray(0, (frames - 1) * HOP + WINDOW);
    const values = new Float32Array(bins * frames);
    const largest = new Float32Array(1);
    using binding = new IoBinding(this.#session);
    using options = new RunOptions();
    using samplesTensor = Tensor.fromArray(read, [1, 1, read.length]);
    using valuesTensor = Tensor.fromArray(values, [1, bins, frames]);
    using largestTensor = Tensor.fromArray(largest, []);
    binding
      .bindInput('samples', samplesTensor)
      .bindOutput('log_mel', valuesTensor)
      .bindOutput('largest', largestTensor);
    await this.#session.run(binding, options);
    this.#largest = Math.max(this.#largest, largest[0]!);
    this.#pieces.push({ begin: this.#computed, frames, values });
    this.#computed += frames;
    samples.copyWithin(0, frames * HOP, this.#filled);
    this.#filled = Math.max(0, this.#filled - frames * HOP);
  }
}
