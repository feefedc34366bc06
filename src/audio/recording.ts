import type { ByteReader } from './byte-reader.js';
import { AudioFailure, broken, EndOfFile } from './failures.js';
import { readSound } from './formats/forms.js';
import { BLOCK } from './protocol.js';
import { Resampler } from './resample.js';
import type { Sound, SoundLimits } from './sound.js';
import { SAMPLE_RATE, type AudioLimits } from './types.js';

/** Louder ones are no sound, whatever they are scaled to. */
const LOUDEST = 2 ** 32;

/**
 * Decodes a recording of any form.
 *
 * @returns blocks of a second, the last one shorter; none is empty, and there is at least one. The next one takes the
 * place of the last.
 * @throws AudioFailure
 */
export async function* decodeRecording(
  input: ByteReader,
  limits: AudioLimits,
): AsyncGenerator<Float32Array, void, undefined> {
  const checked = new LengthLimit(limits.maxSeconds);
  const blocks = new Blocks();
  let resampler: RateChange | undefined;
  try {
    for await (const sound of readSound(input, checked)) {
      checked.count(sound);
      if (resampler?.rate !== sound.rate) {
        if (resampler !== undefined) yield* blocks.push(resampler.end());
        resampler = new RateChange(sound.rate);
      }
      // A second at a time: few samples may become many.
      for (let at = 0; at < sound.samples.length; at += sound.rate)
        yield* blocks.push(resampler.push(sound.samples.subarray(at, at + sound.rate)));
    }
  } catch (error) {
    // A file that is cut gives what there is.
    if (!(error instanceof EndOfFile)) throw error;
  }
  if (resampler !== undefined) yield* blocks.push(resampler.end());
  yield* blocks.end();
  if (blocks.isEmpty) throw broken('has no sound in it');
}

class LengthLimit implements SoundLimits {
  readonly #most: number;
  #seconds = 0;

  constructor(most: number) {
    this.#most = most;
  }

  announce(seconds: number): void {
    if (seconds > this.#most) throw new AudioFailure('too_long', `is longer than ${this.#most} seconds`);
  }

  count({ rate, samples }: Sound): void {
    this.announce((this.#seconds += samples.length / rate));
  }
}

/** Resamples what has another rate. */
class RateChange {
  readonly rate: number;
  readonly #resampler: Resampler | undefined;

  constructor(rate: number) {
    this.rate = rate;
    this.#resampler = rate === SAMPLE_RATE ? undefined : new Resampler(rate);
  }

  push(samples: Float32Array): Float32Array {
    return this.#resampler?.push(samples) ?? samples;
  }

  end(): Float32Array {
    return this.#resampler?.end() ?? new Float32Array();
  }
}

/** Cuts samples into blocks, and checks that they are numbers. */
class Blocks {
  readonly #block = new Float32Array(BLOCK);
  #length = 0;
  #isEmpty = true;

  /** Whether nothing has come in. */
  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  *push(samples: Float32Array): Generator<Float32Array, void, undefined> {
    for (const sample of samples)
      if (!(Math.abs(sample) < LOUDEST)) throw broken('has samples in it that are no numbers of a sound');
    for (let at = 0; at < samples.length;) {
      const part = samples.subarray(at, at + BLOCK - this.#length);
      this.#block.set(part, this.#length);
      this.#length += part.length;
      at += part.length;
      this.#isEmpty = false;
      if (this.#length < BLOCK) return;
      yield this.#block;
      this.#length = 0;
    }
  }

  *end(): Generator<Float32Array, void, undefined> {
    if (this.#length > 0) yield this.#block.subarray(0, this.#length);
  }
}
