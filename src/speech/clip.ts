import type { SoundSource } from '#model/decoder/contract.js';
import type { Recording } from '#model/speech/types.js';
import type { Errand } from './errand.js';
import type { SpeechModel } from './model.js';
import type { Span } from './pieces/quiet-cuts.js';
import { roundHalfEven } from './rounding.js';
import { splitByTimestamps, type TokenSegment } from './segments.js';
import { FRAMES_PER_SECOND } from './time.js';
import type { SpeechSegment, SpokenWord } from './types.js';
import { WindowDecoder, type DecodingChoices, type WindowText } from './window-decoder.js';
import { alignWords } from './words/align-words.js';
import { placeWords } from './words/place-words.js';

/** A text at a higher temperature than this is not what the next window goes on from. */
const MAX_PROMPT_TEMPERATURE = 0.5;

/** What all clips of a transcription have in common. */
export interface ClipChoices extends DecodingChoices {
  /** Code. */
  readonly language: string;
  /** What each window's text begins with: `<|startoftranscript|>`, language and task. */
  readonly start: readonly number[];
  /** What the first window's text goes on from. */
  readonly initialPrompt: readonly number[];
  readonly words: boolean;
}

/** A segment that has not been counted yet. */
export type ClipSegment = Omit<SpeechSegment, 'id'>;

/** A window of a recording as an encoder's source. */
export function windowSource(recording: Recording, name: string, seek: number, length: number): SoundSource {
  return { key: `${name}:${seek}+${length}`, features: recording.window(seek, length) };
}

/**
 * Transcribes a stretch of a recording window after window (openai/whisper, `transcribe.py`): each begins where the last one's
 * finished segments end, and its text goes on from theirs.
 */
export class ClipTranscription {
  /** Tokens that were written, but for those of attempts that failed. */
  tokens = 0;
  readonly #model: SpeechModel;
  readonly #errand: Errand;
  readonly #recording: Recording;
  /** In frames. */
  readonly #clip: Span;
  readonly #choices: ClipChoices;
  readonly #decoder: WindowDecoder;
  /** Text that the next window goes on from. */
  #previous: number[];
  #lastSpeech: number;

  constructor(model: SpeechModel, errand: Errand, recording: Recording, clip: Span, choices: ClipChoices) {
    this.#model = model;
    this.#errand = errand;
    this.#recording = recording;
    this.#clip = clip;
    this.#choices = choices;
    this.#decoder = new WindowDecoder(model, errand, choices);
    this.#previous = [...choices.initialPrompt];
    this.#lastSpeech = clip.begin / FRAMES_PER_SECOND;
  }

  /** @param isEncoded whether the first window has been in a sequence before. */
  async *segments(isEncoded = false): AsyncGenerator<ClipSegment, void, undefined> {
    const { end } = this.#clip;
    for (let seek = this.#clip.begin; seek < end; isEncoded = false) {
      const length = Math.min(this.#model.features.frames, end - seek);
      const sound = windowSource(this.#recording, this.#errand.id, seek, length);
      const window = await this.#decoder.decode(sound, this.#prompt(), isEncoded);
      this.tokens += window.tokens.length;
      if (window.isSilence) {
        seek += length;
        continue;
      }
      const { segments, next } = await this.#cut(window, sound, { seek, length });
      yield* segments;
      for (const { tokens } of segments) this.#previous.push(...tokens);
      if (window.temperature > MAX_PROMPT_TEMPERATURE) this.#previous = [];
      // Times that make no sense must not keep it here for ever.
      seek = next > seek ? next : seek + length;
    }
  }

  #prompt(): readonly number[] {
    const { engine, special } = this.#model;
    const { start } = this.#choices;
    if (this.#previous.length === 0) return start;
    const longest = Math.floor(engine.contextLength / 2) - 1;
    this.#previous = this.#previous.slice(-longest);
    return [special.startOfPrevious, ...this.#previous, ...start];
  }

  /** The finished segments of a window, and where the next one begins. */
  async #cut(
    window: WindowText,
    sound: SoundSource,
    place: { seek: number; length: number },
  ): Promise<{ segments: ClipSegment[]; next: number }> {
    const { special, text } = this.#model;
    const ids = window.tokens.map(({ id }) => id);
    const split = splitByTimestamps(ids, special.timestampBegin, place);
    const { temperature, avgLogprob, compressionRatio, noSpeechProb } = window;
    let { segments, seek: next }: { segments: readonly PlacedSegment[]; seek: number } = split;
    if (this.#choices.words) {
      segments = await this.#withWords(split.segments, sound, place);
      if (!split.endsWithSingleTimestamp) next = seekBehindWords(segments, place.seek) ?? next;
      this.#lastSpeech = lastEnd(segments) ?? this.#lastSpeech;
    }
    const limit = this.#clip.end / FRAMES_PER_SECOND;
    let first = 0;
    const finished: ClipSegment[] = [];
    for (const { start, end, tokens, words } of segments) {
      const written = window.tokens.slice(first, (first += tokens.length));
      const said = text.decode(tokens);
      if (start === end || said.trim() === '') continue;
      finished.push({
        seek: place.seek,
        start: roundMilliseconds(start),
        // A time behind the end of the sound is one of silence.
        end: roundMilliseconds(start < limit ? Math.min(end, limit) : end),
        text: said,
        tokens,
        temperature,
        avgLogprob,
        compressionRatio,
        noSpeechProb,
        ...(words !== undefined && { words: words.map(rounded) }),
        ...(this.#choices.logprobs === true && { logprobs: text.spoken(written) }),
      });
    }
    return { segments: finished, next };
  }

  async #withWords(
    segments: readonly TokenSegment[],
    sound: SoundSource,
    { seek, length }: { seek: number; length: number },
  ): Promise<readonly PlacedSegment[]> {
    const { end } = this.#model.special;
    const { start, language } = this.#choices;
    const tokens = segments.flatMap(({ tokens }) => tokens.filter(id => id < end));
    const timings = await alignWords(this.#model, this.#errand, { sound, length, start, tokens, language });
    return placeWords(segments, timings, {
      end,
      offset: seek / FRAMES_PER_SECOND,
      lastSpeech: this.#lastSpeech,
    });
  }
}

interface PlacedSegment extends TokenSegment {
  readonly words?: readonly SpokenWord[];
}

/** Where the last word ends, or the last segment where there are no words, in seconds. */
function lastEnd(segments: readonly PlacedSegment[]): number | undefined {
  const words = segments.findLast(({ words }) => words !== undefined && words.length > 0)?.words;
  return words?.at(-1)?.end ?? segments.at(-1)?.end;
}

/** @returns the frame at which the last word ends; undefined where that does not lie in the window. */
function seekBehindWords(segments: readonly PlacedSegment[], seek: number): number | undefined {
  const end = lastEnd(segments);
  return end !== undefined && end > seek / FRAMES_PER_SECOND
    ? roundHalfEven(end * FRAMES_PER_SECOND)
    : undefined;
}

function rounded(word: SpokenWord): SpokenWord {
  return { ...word, start: roundMilliseconds(word.start), end: roundMilliseconds(word.end) };
}

function roundMilliseconds(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
