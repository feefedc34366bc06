import { speechModel } from '#registry/models.js';
import type { SpeechModel } from '#registry/types.js';
import type {
  SpeechSegment,
  SpeechService,
  TranscriptionEvent,
  TranscriptionRequest,
} from '#speech/types.js';
import { FakeEngine } from './fake-engine.js';
import { CREATED } from './http-server.js';

/** What is heard, and what is said of it. */
export type SpeechScript = (
  sound: AsyncIterable<Float32Array>,
  request: TranscriptionRequest,
  signal: AbortSignal | undefined,
) => AsyncIterable<TranscriptionEvent>;

/** A segment with what a request asks for. */
export function segment(
  id: number,
  [start, end]: readonly [number, number],
  text: string,
  { words, logprobs, temperature = 0 }: Partial<TranscriptionRequest> = {},
): SpeechSegment {
  const pieces = text.match(/ ?\S+/g) ?? [];
  const length = (end - start) / Math.max(1, pieces.length);
  return {
    id,
    seek: 0,
    start,
    end,
    text,
    tokens: [50_364, ...pieces.keys(), 50_464],
    temperature,
    avgLogprob: -0.25,
    compressionRatio: 1.5,
    noSpeechProb: 0.125,
    ...(words && {
      words: pieces.map((word, index) => ({
        word,
        start: start + index * length,
        end: start + (index + 1) * length,
        probability: 0.5,
      })),
    }),
    ...(logprobs && {
      logprobs: pieces.map(token => ({ token, bytes: Buffer.from(token), logprob: -0.5 })),
    }),
  };
}

/** Hears all of the sound, and says what it heard in two segments. */
const hearAll: SpeechScript = async function* (sound, request) {
  yield { type: 'language', language: request.language ?? 'en', probability: 0.75 };
  let samples = 0;
  for await (const block of sound) samples += block.length;
  const duration = samples / 16_000;
  yield { type: 'segment', segment: segment(0, [0, duration / 2], ' And so, my fellow', request) };
  yield { type: 'segment', segment: segment(1, [duration / 2, duration], ' Americans.', request) };
  yield { type: 'done', duration, tokens: 6 };
};

/** A speech service that plays a script. */
export class FakeSpeech implements SpeechService {
  readonly languages: readonly string[];
  readonly translates: boolean;
  readonly tellsTimes: boolean;
  readonly tellsWords: boolean;
  readonly readsPrompts: boolean;
  readonly requests: TranscriptionRequest[] = [];
  script: SpeechScript = hearAll;
  /** Transcriptions that have begun and not ended. */
  running = 0;

  constructor({
    languages = ['en', 'de', 'fr'] as readonly string[],
    translates = true,
    tellsTimes = true,
    tellsWords = true,
    readsPrompts = true,
  } = {}) {
    this.languages = languages;
    this.translates = translates;
    this.tellsTimes = tellsTimes;
    this.tellsWords = tellsWords;
    this.readsPrompts = readsPrompts;
  }

  reset(): void {
    this.requests.length = 0;
    this.script = hearAll;
  }

  transcribe(
    sound: AsyncIterable<Float32Array>,
    request: TranscriptionRequest,
    signal?: AbortSignal,
  ): AsyncIterable<TranscriptionEvent> {
    this.requests.push(request);
    return this.#run(sound, request, signal);
  }

  async *#run(...args: Parameters<SpeechScript>): AsyncGenerator<TranscriptionEvent> {
    this.running++;
    try {
      yield* this.script(...args);
    } finally {
      this.running--;
    }
  }
}

/** A model that hears, over a script. */
export function fakeSpeechModel(id: string, speech: FakeSpeech = new FakeSpeech()): SpeechModel {
  return speechModel({ id, created: CREATED, engine: new FakeEngine(), speech, bytesPerSecond: 32_000 });
}
