import type { SoundSource } from '#model/decoder/contract.js';
import type { Errand } from '../errand.js';
import type { SpeechModel } from '../model.js';
import { FRAMES_PER_SECOND, FRAMES_PER_TIMESTAMP } from '../time.js';
import { PRIORITY_OF_ENCODED } from '../window-decoder.js';
import { splitWords } from './split-words.js';
import { tokenTimes } from './token-times.js';
import type { WordTiming } from './word-timing.js';

/** A window's text, and what it is in. */
export interface WindowWords {
  readonly sound: SoundSource;
  /** Frames of sound in it. */
  readonly length: number;
  /** What the text begins with: `<|startoftranscript|>`, language and task. */
  readonly start: readonly number[];
  /** Text alone. */
  readonly tokens: readonly number[];
  readonly language: string;
}

const TIMESTAMPS_PER_SECOND = FRAMES_PER_SECOND / FRAMES_PER_TIMESTAMP;

/**
 * Finds the words of a window's text and when they are said (openai/whisper, `find_alignment`).
 *
 * @returns in order; none where the window is too short to tell.
 */
export async function alignWords(
  { special, text }: SpeechModel,
  errand: Errand,
  { sound, length, start, tokens, language }: WindowWords,
): Promise<WordTiming[]> {
  const positions = Math.floor(length / FRAMES_PER_TIMESTAMP);
  const words = splitWords(tokens, text, language);
  if (words.length === 0 || positions === 0) return [];
  const alignment = await errand.align({
    sound,
    ids: [...start, special.noTimestamps, ...tokens, special.end],
    belowId: special.end,
    priority: PRIORITY_OF_ENCODED,
  });
  // A token is heard where the one before it, from which it is told, looks.
  const begins = await tokenTimes(alignment, {
    begin: start.length,
    end: start.length + tokens.length + 1,
    positions,
  });
  const probabilities = alignment.probabilities.subarray(start.length, start.length + tokens.length);
  let first = 0;
  return words.map(({ word, tokens }) => {
    const begin = first;
    first += tokens.length;
    return {
      word,
      tokens,
      start: begins[begin]! / TIMESTAMPS_PER_SECOND,
      end: begins[first]! / TIMESTAMPS_PER_SECOND,
      probability: mean(probabilities.subarray(begin, first)),
    };
  });
}

function mean(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
