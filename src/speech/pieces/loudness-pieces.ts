import { SAMPLES_PER_FRAME } from '../time.js';
import { quietCuts, type Span } from './quiet-cuts.js';
import type { PieceFinder } from './types.js';

/** In frames. */
const QUIET = 20;

/**
 * Cuts a recording where it is quietest, and leaves nothing out but pieces of perfect silence: loudness alone does not tell
 * speech from anything else.
 */
export class LoudnessPieces implements PieceFinder {
  readonly #longest: number;
  /** Mean square of each frame's samples, longer than needed. */
  #power = new Float32Array(1024);
  #samples = 0;

  /** @param longest piece, in frames */
  constructor(longest: number) {
    this.#longest = longest;
  }

  append(samples: Float32Array): Promise<void> {
    const frames = Math.ceil((this.#samples + samples.length) / SAMPLES_PER_FRAME);
    if (frames > this.#power.length) {
      const longer = new Float32Array(Math.max(frames, this.#power.length * 2));
      longer.set(this.#power);
      this.#power = longer;
    }
    for (const sample of samples)
      this.#power[Math.floor(this.#samples++ / SAMPLES_PER_FRAME)]! += (sample * sample) / SAMPLES_PER_FRAME;
    return Promise.resolve();
  }

  pieces(frames: number): Promise<readonly Span[]> {
    const power = this.#power.subarray(0, frames);
    const pieces = quietCuts(power, { begin: 0, end: frames }, { longest: this.#longest, quiet: QUIET });
    return Promise.resolve(
      pieces.filter(({ begin, end }) => power.subarray(begin, end).some(value => value > 0)),
    );
  }
}
