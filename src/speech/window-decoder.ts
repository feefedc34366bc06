import type { GeneratedToken, SamplingParameters } from '#engine/types.js';
import type { SoundSource } from '#model/decoder/contract.js';
import { attemptsOf, meanLogprob, mostProbable } from './attempts.js';
import { compressionRatio } from './compression-ratio.js';
import type { Asked, Errand, Written } from './errand.js';
import type { SpeechModel } from './model.js';
import { TimestampRules } from './timestamp-rules.js';
import type { TranscriptionRequest } from './types.js';

/** A text that repeats itself has more than this, and has failed. */
const MAX_COMPRESSION_RATIO = 2.4;
/** A text that is less probable than this, by the mean of its tokens, has failed. */
const MIN_LOGPROB = -1;
/** Where this is more probable, and the text is not, nothing is said. */
const MAX_NO_SPEECH = 0.6;
/** What is tried one after the other until a text has not failed. */
const TEMPERATURES = [0, 0.2, 0.4, 0.6, 0.8, 1];
const BEST_OF = 5;

/** Sequences of a window that is encoded already come before those that are to begin, so that it is not lost. */
export const PRIORITY_OF_ENCODED = -1;

/** What was heard in a window. */
export interface WindowText {
  /** Without a stop token. */
  readonly tokens: readonly GeneratedToken[];
  readonly temperature: number;
  readonly avgLogprob: number;
  readonly compressionRatio: number;
  readonly noSpeechProb: number;
  /** That nothing is: the text is none. */
  readonly isSilence: boolean;
}

/** How the texts of windows are found. */
export type DecodingChoices = Pick<
  TranscriptionRequest,
  'temperature' | 'beams' | 'bestOf' | 'seed' | 'logprobs'
>;

/**
 * Writes the text of windows, first as certain as can be, and warmer where that fails (openai/whisper, `decode_with_fallback`;
 * what is taken where all fail is faster-whisper's choice: the most probable text of those that do not repeat
 * themselves).
 */
export class WindowDecoder {
  readonly #model: SpeechModel;
  readonly #errand: Errand;
  readonly #choices: DecodingChoices;
  readonly #temperatures: readonly number[];
  /** What has been drawn by chance so far, so that no two draws are alike. */
  #draws = 0;

  constructor(model: SpeechModel, errand: Errand, choices: DecodingChoices) {
    this.#model = model;
    this.#errand = errand;
    this.#choices = choices;
    const { temperature = 0 } = choices;
    this.#temperatures = temperature > 0 ? [temperature] : TEMPERATURES;
  }

  /**
   * @param prompt what the text is to go on from.
   * @param isEncoded whether the sound has been in a sequence before.
   */
  async decode(sound: SoundSource, prompt: readonly number[], isEncoded: boolean): Promise<WindowText> {
    const failed: WindowText[] = [];
    let noSpeechProb: number | undefined;
    for (const temperature of this.#temperatures) {
      const sequences = this.#sequences(sound, prompt, temperature, {
        isEncoded: isEncoded || failed.length > 0,
        watchesSpeech: noSpeechProb === undefined,
      });
      const written = await this.#errand.write(sequences);
      noSpeechProb ??= Math.exp(written[0]!.report.watched?.[0] ?? -Infinity);
      const text = this.#judge(written, temperature, noSpeechProb);
      if (text.isSilence || !hasFailed(text)) return text;
      failed.push(text);
    }
    const varied = failed.filter(text => text.compressionRatio <= MAX_COMPRESSION_RATIO);
    const best = (varied.length > 0 ? varied : failed).reduce((best, text) =>
      text.avgLogprob > best.avgLogprob ? text : best,
    );
    // What comes next is judged by how far it had to go.
    return { ...best, temperature: this.#temperatures.at(-1)! };
  }

  #sequences(
    sound: SoundSource,
    prompt: readonly number[],
    temperature: number,
    { isEncoded, watchesSpeech }: { isEncoded: boolean; watchesSpeech: boolean },
  ): Asked[] {
    const { engine, special, rules } = this.#model;
    const { beams = 1, bestOf = BEST_OF, seed, logprobs = false } = this.#choices;
    const { contextLength, slots } = engine;
    const hasBeams = temperature === 0 && beams > 1;
    const asked = {
      promptIds: prompt,
      sound,
      stop: {
        maxTokens: Math.min(Math.floor(contextLength / 2), contextLength - prompt.length),
        minTokens: 0,
        stopTokenIds: new Set([special.end]),
        stopStrings: [],
        includeStopString: false,
      },
      beams: hasBeams ? { width: beams, lengthPenalty: 1, earlyStopping: true, results: beams } : undefined,
      scored: !hasBeams,
      logprobs: logprobs ? 0 : undefined,
      promptLogprobs: undefined,
      priority: isEncoded ? PRIORITY_OF_ENCODED : 0,
    };
    const watch =
      watchesSpeech && special.noSpeech !== undefined
        ? { position: prompt.lastIndexOf(special.start), ids: [special.noSpeech] }
        : undefined;
    return Array.from({ length: temperature > 0 ? Math.min(bestOf, slots) : 1 }, (_, index) => ({
      ...asked,
      constraint: new TimestampRules(rules),
      ...(index === 0 && watch !== undefined && { watch }),
      sampling: sampling(
        temperature,
        seed === undefined ? undefined : BigInt.asIntN(64, BigInt(seed) + BigInt(this.#draws++)),
      ),
    }));
  }

  #judge(written: readonly Written[], temperature: number, noSpeechProb: number): WindowText {
    const { special, text } = this.#model;
    const best = mostProbable(attemptsOf(written, new Set([special.end])));
    const { tokens } = best;
    const avgLogprob = meanLogprob(best);
    return {
      tokens,
      temperature,
      avgLogprob,
      compressionRatio: compressionRatio(text.decode(tokens.map(({ id }) => id)).trim()),
      noSpeechProb,
      isSilence: noSpeechProb > MAX_NO_SPEECH && avgLogprob < MIN_LOGPROB,
    };
  }
}

function hasFailed({ compressionRatio, avgLogprob }: WindowText): boolean {
  return compressionRatio > MAX_COMPRESSION_RATIO || avgLogprob < MIN_LOGPROB;
}

function sampling(temperature: number, seed?: bigint): SamplingParameters {
  return {
    temperature,
    topK: 0,
    topP: 1,
    minP: 0,
    repetitionPenalty: 1,
    presencePenalty: 0,
    frequencyPenalty: 0,
    logitBias: new Map(),
    normalizesScores: true,
    seed,
  };
}
