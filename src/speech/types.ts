/** What a request wants of a recording. */
export interface TranscriptionRequest {
  /** What is said, in its own language or in English. */
  readonly task: 'transcribe' | 'translate';
  /** Code of the language that is spoken, such as `en`; undefined: it is found out. */
  readonly language?: string | undefined;
  /** Text that might have been said before; its style and spellings are taken up. */
  readonly prompt?: string | undefined;
  /** `[0, 1]`; 0, the default: as certain as can be, and warmer only where that fails. */
  readonly temperature?: number | undefined;
  /** Hypotheses that are followed at once where the temperature is 0, at least 1, the default. */
  readonly beams?: number | undefined;
  /** Texts of which the most probable is taken where the temperature is above 0, at least 1; default 5. */
  readonly bestOf?: number | undefined;
  /** `[-2^63, 2^63)`: makes what is drawn at temperatures above 0 the same each time. */
  readonly seed?: number | bigint | undefined;
  /** Whether the times of words are wanted. */
  readonly words?: boolean | undefined;
  /** Whether the log-probabilities of tokens are wanted. */
  readonly logprobs?: boolean | undefined;
  /** Pieces with speech in them are found first and transcribed side by side; undefined: window after window. */
  readonly chunking?: SpeechPieces | undefined;
  /** Whose turn it takes, as in {@link GenerationRequest}. */
  readonly client?: string;
  readonly reuseScope?: string;
}

/**
 * How speech is told from silence (voice activity detection). Where no model does that, all sound but perfect silence is
 * speech, and pieces are cut where it is quietest: then these say nothing.
 */
export interface SpeechPieces {
  /** `[0, 1]`: how certain speech must be; default 0.5. */
  readonly threshold?: number | undefined;
  /** Silence of this length ends speech, in seconds; default 0.2. */
  readonly silence?: number | undefined;
  /** Sound around speech that belongs to it, in seconds; default 0.3. */
  readonly padding?: number | undefined;
}

/** A word, and when it is said, in seconds. */
export interface SpokenWord {
  /** With the space in front of it, if it has one. */
  readonly word: string;
  readonly start: number;
  readonly end: number;
  /** `[0, 1]` */
  readonly probability: number;
}

/** A token of a text, and how probable it was. */
export interface SpokenToken {
  readonly token: string;
  readonly bytes: Uint8Array;
  /** Natural logarithm. */
  readonly logprob: number;
}

/** A stretch of speech, as the model cut it (openai/whisper, `transcribe.py`). */
export interface SpeechSegment {
  /** Counted from 0. */
  readonly id: number;
  /** Frame of 10 ms at which its window began. */
  readonly seek: number;
  /** Seconds. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Its ids, those of its times included. */
  readonly tokens: readonly number[];
  readonly temperature: number;
  /** Mean over its window's tokens. */
  readonly avgLogprob: number;
  /** Of the window's text: its bytes by those of its deflated form. */
  readonly compressionRatio: number;
  /** `[0, 1]`: that nothing is said in its window; 0 where the model does not tell. */
  readonly noSpeechProb: number;
  /** Where the request wants them. */
  readonly words?: readonly SpokenWord[] | undefined;
  readonly logprobs?: readonly SpokenToken[] | undefined;
}

/** What a transcription tells, in this order: one `language` if the model tells it, `segment`s as they become certain, one `done`. */
export type TranscriptionEvent =
  | {
      readonly type: 'language';
      /** Code, such as `en`. */
      readonly language: string;
      /** `[0, 1]`; 1 where the request named it. */
      readonly probability: number;
    }
  | { readonly type: 'segment'; readonly segment: SpeechSegment }
  | {
      readonly type: 'done';
      /** Of the recording, in seconds. */
      readonly duration: number;
      /** Tokens that were written, in all windows and attempts that count. */
      readonly tokens: number;
    };

/** A model that hears. */
export interface SpeechService {
  /**
   * Codes of the languages that it knows; one alone: it knows no other, and is not asked. None: its folder does not
   * say which one it was made for.
   */
  readonly languages: readonly string[];
  /** Whether it can translate into English. */
  readonly translates: boolean;
  /** Whether it tells when its segments are said; otherwise their times are those of the pieces that it heard. */
  readonly tellsTimes: boolean;
  /** Whether it can tell when a word is said. */
  readonly tellsWords: boolean;
  /** Whether its text can go on from what was said before. */
  readonly readsPrompts: boolean;
  /**
   * Transcribes a recording.
   *
   * @param sound samples of 16 kHz, one channel, `[-1, 1]`, in blocks of any length. They are read as fast as
   * they come, and what is kept of them is bounded by their length: see docs/speech.md.
   * @param signal ends it, with `cancelled`.
   * @throws KvasirError `invalid_request` for a language that the model does not know, and the like, synchronously;
   * from the iterator what `sound` throws and what the engine does.
   */
  transcribe(
    sound: AsyncIterable<Float32Array>,
    request: TranscriptionRequest,
    signal?: AbortSignal,
  ): AsyncIterable<TranscriptionEvent>;
}
