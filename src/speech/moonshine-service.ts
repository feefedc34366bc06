import type { GenerationEngine } from '#engine/types.js';
import type { GenerationDefaults } from '#model/generation-defaults.js';
import type { Recording, SoundFeatures } from '#model/speech/types.js';
import type { VoiceDetector } from '#model/speech/voice-detector.js';
import { attemptsOf, meanLogprob, mostProbable } from './attempts.js';
import { windowSource } from './clip.js';
import { compressionRatio } from './compression-ratio.js';
import { Errand, type Asked } from './errand.js';
import { inOrder } from './in-order.js';
import { endingWithLoop, listen } from './listen.js';
import { DetectedPieces } from './pieces/detected-pieces.js';
import { LoudnessPieces } from './pieces/loudness-pieces.js';
import type { Span } from './pieces/quiet-cuts.js';
import { FRAMES_PER_SECOND, SAMPLES_PER_SECOND } from './time.js';
import type { TokenText } from './token-text.js';
import type { SpeechSegment, SpeechService, TranscriptionEvent, TranscriptionRequest } from './types.js';

/** As many as a second of speech takes in any language, by the cards of its makers' models: more repeat themselves. */
const TOKENS_PER_SECOND = 13;
const BEST_OF = 5;

/** A loaded Moonshine: what runs it, and what its folder says of its texts. */
export interface MoonshineModel {
  readonly engine: GenerationEngine;
  readonly features: SoundFeatures;
  /** Samples of the shortest sound that it hears. */
  readonly shortest: number;
  readonly text: TokenText;
  /** What texts begin with. */
  readonly start: readonly number[];
  /** Ids that end a text. */
  readonly ends: ReadonlySet<number>;
  readonly minTokens: number;
  readonly sampling: GenerationDefaults['sampling'];
  readonly beams: Omit<GenerationDefaults['beams'], 'results'>;
}

/**
 * Transcribes with Moonshine (Jeffries et al. 2024), which hears sounds of up to half a minute, each on its own: a
 * recording that is longer is cut where nobody speaks, and its pieces are heard side by side. It tells neither times
 * nor a language.
 */
export class MoonshineService implements SpeechService {
  readonly languages: readonly string[] = [];
  readonly translates = false;
  readonly tellsTimes = false;
  readonly tellsWords = false;
  readonly readsPrompts = false;
  readonly #model: MoonshineModel;
  readonly #detector: VoiceDetector | undefined;

  /** @param detector tells where somebody speaks; undefined: recordings are cut where they are quiet. */
  constructor(model: MoonshineModel, detector?: VoiceDetector) {
    this.#model = model;
    this.#detector = detector;
  }

  transcribe(
    sound: AsyncIterable<Float32Array>,
    request: TranscriptionRequest,
    signal?: AbortSignal,
  ): AsyncGenerator<TranscriptionEvent, void, undefined> {
    return endingWithLoop(signal, either => this.#transcribe(sound, request, either));
  }

  async *#transcribe(
    sound: AsyncIterable<Float32Array>,
    request: TranscriptionRequest,
    signal: AbortSignal,
  ): AsyncGenerator<TranscriptionEvent, void, undefined> {
    const { engine } = this.#model;
    const { recording, samples, pieces } = await this.#hear(sound, request, signal);
    const errand = new Errand(engine, request, signal);
    const work = pieces.map(piece => () => this.#write(recording, piece, errand, request));
    let tokens = 0;
    let id = 0;
    for await (const segment of inOrder(work, engine.slots)) {
      if (segment === undefined) continue;
      tokens += segment.tokens.length;
      if (segment.text.trim() !== '') yield { type: 'segment', segment: { id: id++, ...segment } };
    }
    yield { type: 'done', duration: samples / SAMPLES_PER_SECOND, tokens };
  }

  /** Reads a recording to its end. What it can hear at once is one piece, unless pieces are asked for. */
  async #hear(
    sound: AsyncIterable<Float32Array>,
    { chunking }: TranscriptionRequest,
    signal: AbortSignal,
  ): Promise<{ recording: Recording; samples: number; pieces: readonly Span[] }> {
    const { features } = this.#model;
    const recording = features.open();
    const quiet = new LoudnessPieces(features.frames);
    const voices = this.#detector && new DetectedPieces(this.#detector, chunking ?? {}, features.frames);
    const listeners = [recording, quiet, ...(voices === undefined ? [] : [voices])];
    const samples = await listen(sound, listeners, signal);
    await recording.end();
    const { frames } = recording;
    const isWhole = chunking === undefined && frames <= features.frames;
    const finder = isWhole ? quiet : (voices ?? quiet);
    return { recording, samples, pieces: await finder.pieces(frames) };
  }

  /** The text of a piece; undefined where it is too short to say anything. */
  async #write(
    recording: Recording,
    { begin, end }: Span,
    errand: Errand,
    request: TranscriptionRequest,
  ): Promise<Omit<SpeechSegment, 'id'> | undefined> {
    const { shortest, ends, text } = this.#model;
    const sound = windowSource(recording, errand.id, begin, end - begin);
    if (sound.features.length < shortest) return undefined;
    const asked = this.#asked(sound.features.length, request);
    const written = await errand.write(asked.map(one => ({ ...one, sound })));
    const attempts = attemptsOf(written, ends);
    // Beams come in the order of their scores.
    const best = asked[0]!.beams === undefined ? mostProbable(attempts) : attempts[0]!;
    const ids = best.tokens.map(({ id }) => id);
    const said = text.decode(ids);
    return {
      seek: begin,
      start: begin / FRAMES_PER_SECOND,
      end: end / FRAMES_PER_SECOND,
      text: said,
      tokens: ids,
      temperature: asked[0]!.sampling.temperature,
      avgLogprob: meanLogprob(best),
      compressionRatio: compressionRatio(said.trim()),
      noSpeechProb: 0,
      ...(request.logprobs === true && { logprobs: text.spoken(best.tokens) }),
    };
  }

  /** What is asked of a sound: one text, or several above temperature 0. */
  #asked(samples: number, request: TranscriptionRequest): Omit<Asked, 'sound'>[] {
    const { engine, start, ends, minTokens, sampling, beams } = this.#model;
    const { temperature = sampling.temperature, bestOf = BEST_OF, seed, logprobs } = request;
    const width = temperature > 0 ? 1 : (request.beams ?? beams.width);
    const longest = Math.floor((samples / SAMPLES_PER_SECOND) * TOKENS_PER_SECOND);
    const drawn = temperature > 0 ? Math.min(bestOf, engine.slots) : 1;
    return Array.from({ length: drawn }, (_, index) => ({
      promptIds: start,
      sampling: {
        presencePenalty: 0,
        frequencyPenalty: 0,
        logitBias: new Map(),
        normalizesScores: true,
        ...sampling,
        temperature,
        seed: seed === undefined ? undefined : BigInt.asIntN(64, BigInt(seed) + BigInt(index)),
      },
      stop: {
        maxTokens: Math.max(1, Math.min(longest, engine.contextLength - start.length)),
        minTokens,
        stopTokenIds: ends,
        stopStrings: [],
        includeStopString: false,
      },
      beams: width > 1 ? { ...beams, width, results: width } : undefined,
      scored: width === 1,
      logprobs: logprobs === true ? 0 : undefined,
      promptLogprobs: undefined,
    }));
  }
}
