import type { VoiceActivity, VoiceDetector } from '#model/speech/voice-detector.js';
import { SAMPLES_PER_FRAME, SAMPLES_PER_SECOND } from '../time.js';
import type { SpeechPieces } from '../types.js';
import type { Span } from './quiet-cuts.js';
import { joinSpans, speechSpans } from './speech-spans.js';
import type { PieceFinder } from './types.js';

/** How long a place must be without speech to be cut at, in seconds. */
const QUIET = 0.1;

/** Pieces of a recording in which a model hears somebody speak. */
export class DetectedPieces implements PieceFinder {
  readonly #activity: VoiceActivity;
  /** Samples of one probability. */
  readonly #step: number;
  readonly #rules: SpeechPieces;
  readonly #longest: number;

  /** @param longest piece, in frames */
  constructor(detector: VoiceDetector, rules: SpeechPieces, longest: number) {
    this.#activity = detector.open();
    this.#step = detector.step;
    this.#rules = rules;
    this.#longest = longest;
  }

  append(samples: Float32Array): Promise<void> {
    return this.#activity.append(samples);
  }

  async pieces(frames: number): Promise<readonly Span[]> {
    const { threshold = 0.5, silence = 0.2, padding = 0.3 } = this.#rules;
    const probabilities = await this.#activity.end();
    const points = (seconds: number): number => Math.round((seconds * SAMPLES_PER_SECOND) / this.#step);
    const spans = speechSpans(probabilities, {
      threshold,
      silence: points(silence),
      padding: points(padding),
    });
    // A frame is lost at either end when points become frames.
    const longest = Math.floor(((this.#longest - 1) * SAMPLES_PER_FRAME) / this.#step);
    const frame = (point: number): number =>
      Math.min(frames, Math.round((point * this.#step) / SAMPLES_PER_FRAME));
    return joinSpans(spans, probabilities, { longest, quiet: points(QUIET) })
      .map(({ begin, end }) => ({ begin: frame(begin), end: frame(end) }))
      .filter(({ begin, end }) => begin < end);
  }
}
