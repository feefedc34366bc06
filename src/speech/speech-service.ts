import { invalidRequest } from '#errors.js';
import type { Recording } from '#model/speech/types.js';
import type { VoiceDetector } from '#model/speech/voice-detector.js';
import { ClipTranscription, windowSource, type ClipChoices, type ClipSegment } from './clip.js';
import { Errand } from './errand.js';
import type { SpeechModel } from './model.js';
import { DetectedPieces } from './pieces/detected-pieces.js';
import { LoudnessPieces } from './pieces/loudness-pieces.js';
import type { Span } from './pieces/quiet-cuts.js';
import type { PieceFinder } from './pieces/types.js';
import { initialPrompt } from './initial-prompt.js';
import { detectLanguage, type Detected } from './detect-language.js';
import { inOrder } from './in-order.js';
import { endingWithLoop, listen } from './listen.js';
import { SAMPLES_PER_SECOND } from './time.js';
import type { SpeechService, TranscriptionEvent, TranscriptionRequest } from './types.js';

/** Transcribes with Whisper (Radford et al. 2022) as openai/whisper does. */
export class WhisperService implements SpeechService {
  readonly languages: readonly string[];
  readonly translates: boolean;
  readonly tellsTimes = true;
  readonly tellsWords: boolean;
  readonly readsPrompts = true;
  readonly #model: SpeechModel;
  readonly #detector: VoiceDetector | undefined;

  /** @param detector tells where somebody speaks; undefined: recordings are cut where they are quiet. */
  constructor(model: SpeechModel, detector?: VoiceDetector) {
    this.#model = model;
    this.#detector = detector;
    this.languages = model.languages;
    this.translates = model.special.tasks !== undefined;
    this.tellsWords = model.engine.align !== undefined;
  }

  transcribe(
    sound: AsyncIterable<Float32Array>,
    request: TranscriptionRequest,
    signal?: AbortSignal,
  ): AsyncIterable<TranscriptionEvent> {
    const { language, task, words = false } = request;
    if (language !== undefined && !this.languages.includes(language))
      throw invalidRequest(
        'language',
        this.languages.length === 1
          ? `language: the model knows ${this.languages[0]} alone, not ${JSON.stringify(language)}`
          : `language: the model does not know ${JSON.stringify(language)}`,
      );
    if (task === 'translate' && !this.translates)
      throw invalidRequest('task', 'the model knows English alone, and cannot translate');
    if (words && !this.tellsWords) throw invalidRequest('words', 'the model cannot tell when a word is said');
    return endingWithLoop(signal, either => this.#transcribe(sound, request, either));
  }

  async *#transcribe(
    sound: AsyncIterable<Float32Array>,
    request: TranscriptionRequest,
    signal: AbortSignal,
  ): AsyncGenerator<TranscriptionEvent, void, undefined> {
    const { engine } = this.#model;
    const { recording, samples, clips } = await this.#hear(sound, request, signal);
    const errand = new Errand(engine, request, signal);
    const detected = await this.#language(recording, clips[0], errand, request);
    yield { type: 'language', language: detected.language, probability: detected.probability };
    const choices = this.#choices(request, detected.language);
    const transcriptions = clips.map(
      clip => new ClipTranscription(this.#model, errand, recording, clip, choices),
    );
    let id = 0;
    const number = (segment: ClipSegment): TranscriptionEvent => ({
      type: 'segment',
      segment: { id: id++, ...segment },
    });
    const [first, ...others] = transcriptions;
    if (first !== undefined && others.length === 0)
      for await (const segment of first.segments(detected.isEncoded)) yield number(segment);
    else {
      const work = transcriptions.map(
        (transcription, index) => () => all(transcription.segments(index === 0 && detected.isEncoded)),
      );
      for await (const segments of inOrder(work, engine.slots))
        for (const segment of segments) yield number(segment);
    }
    yield {
      type: 'done',
      duration: samples / SAMPLES_PER_SECOND,
      tokens: transcriptions.reduce((sum, { tokens }) => sum + tokens, 0),
    };
  }

  /** Reads a recording to its end: how loud it is anywhere matters everywhere. */
  async #hear(
    sound: AsyncIterable<Float32Array>,
    { chunking }: TranscriptionRequest,
    signal: AbortSignal,
  ): Promise<{ recording: Recording; samples: number; clips: readonly Span[] }> {
    const { features } = this.#model;
    const recording = features.open();
    let finder: PieceFinder | undefined;
    if (chunking !== undefined)
      finder =
        this.#detector === undefined
          ? new LoudnessPieces(features.frames)
          : new DetectedPieces(this.#detector, chunking, features.frames);
    const samples = await listen(sound, finder === undefined ? [recording] : [recording, finder], signal);
    await recording.end();
    const { frames } = recording;
    const whole = frames > 0 ? [{ begin: 0, end: frames }] : [];
    return { recording, samples, clips: finder === undefined ? whole : await finder.pieces(frames) };
  }

  /** Of the first window that is transcribed. */
  async #language(
    recording: Recording,
    clip: Span | undefined,
    errand: Errand,
    { language }: TranscriptionRequest,
  ): Promise<Detected & { readonly isEncoded: boolean }> {
    const { languages, features } = this.#model;
    if (language !== undefined || languages.length === 1)
      return { language: language ?? languages[0]!, probability: 1, isEncoded: false };
    // Of nothing, nothing can be said.
    if (clip === undefined) return { language: languages[0]!, probability: 0, isEncoded: false };
    const length = Math.min(features.frames, clip.end - clip.begin);
    const sound = windowSource(recording, errand.id, clip.begin, length);
    return { ...(await detectLanguage(this.#model, errand, sound)), isEncoded: true };
  }

  #choices(request: TranscriptionRequest, language: string): ClipChoices {
    const { special, tokenizer } = this.#model;
    const { task, prompt, words = false, temperature, beams, bestOf, seed, logprobs } = request;
    const { start, tasks, languages } = special;
    return {
      language,
      start: tasks === undefined ? [start] : [start, languages.get(language)!, tasks[task]],
      initialPrompt: prompt === undefined ? [] : initialPrompt(tokenizer, prompt),
      words,
      temperature,
      beams,
      bestOf,
      seed,
      logprobs,
    };
  }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
