import { roundHundredths } from '../rounding.js';
import type { TokenSegment } from '../segments.js';
import type { SpokenWord } from '../types.js';
import { mergePunctuation } from './merge-punctuation.js';
import type { WordTiming } from './word-timing.js';

/** A segment with its words. */
export interface WordSegment extends TokenSegment {
  readonly words: readonly SpokenWord[];
}

/** Words are not thought to last longer than this, in seconds, by the median. */
const LONGEST_MEDIAN = 0.7;
const SENTENCE_ENDS = '.。!！?？';

/**
 * Gives the words of a window to its segments, and takes back what alignment makes too long: words around the end of a
 * sentence, those behind a pause, and those that begin long before or end long behind their segment (openai/whisper,
 * `timing.py`, `add_word_timestamps`). Segments begin and end with their words.
 *
 * @param timings of the segments' tokens below `end`, in order; they are changed.
 * @param offset where the window begins, in seconds.
 * @param lastSpeech where the latest word before the window ends, in seconds.
 */
export function placeWords(
  segments: readonly TokenSegment[],
  timings: readonly WordTiming[],
  { end, offset, lastSpeech }: { end: number; offset: number; lastSpeech: number },
): WordSegment[] {
  const median = medianDuration(timings);
  const longest = median * 2;
  if (median > 0) shortenAtSentenceEnds(timings, longest);
  mergePunctuation(timings);
  let next = 0;
  return segments.map(segment => {
    const count = segment.tokens.filter(id => id < end).length;
    const words: Writable<SpokenWord>[] = [];
    for (let taken = 0; next < timings.length && taken < count; next++) {
      const { word, tokens, start, end, probability } = timings[next]!;
      taken += tokens.length;
      if (word !== '')
        words.push({
          word,
          start: roundHundredths(offset + start),
          end: roundHundredths(offset + end),
          probability,
        });
    }
    if (words.length === 0) return { ...segment, words };
    shortenBehindPause(words, { median, longest, lastSpeech });
    const placed = { ...segment, ...fitSegment(words, segment, median), words };
    lastSpeech = placed.end;
    return placed;
  });
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Of words that last at all; 0 where none does. */
function medianDuration(timings: readonly WordTiming[]): number {
  const durations = timings
    .map(({ start, end }) => end - start)
    .filter(duration => duration !== 0)
    .sort((a, b) => a - b);
  if (durations.length === 0) return 0;
  const middle = Math.floor(durations.length / 2);
  const median =
    durations.length % 2 === 1 ? durations[middle]! : (durations[middle - 1]! + durations[middle]!) / 2;
  return Math.min(LONGEST_MEDIAN, median);
}

function shortenAtSentenceEnds(timings: readonly WordTiming[], longest: number): void {
  for (let index = 1; index < timings.length; index++) {
    const timing = timings[index]!;
    if (timing.end - timing.start <= longest) continue;
    if (SENTENCE_ENDS.includes(timing.word)) timing.end = timing.start + longest;
    else if (SENTENCE_ENDS.includes(timings[index - 1]!.word)) timing.start = timing.end - longest;
  }
}

/** The first two words behind a pause. */
function shortenBehindPause(
  [first, second]: readonly Writable<SpokenWord>[],
  { median, longest, lastSpeech }: { median: number; longest: number; lastSpeech: number },
): void {
  if (first === undefined || first.end - lastSpeech <= median * 4) return;
  const areTooLong = second !== undefined && second.end - first.start > longest * 2;
  if (first.end - first.start <= longest && !areTooLong) return;
  if (second !== undefined && second.end - second.start > longest)
    first.end = second.start = Math.max(second.end / 2, second.end - longest);
  first.start = Math.max(0, first.end - longest);
}

/** Moves a segment's times to those of its words, or the words' where they are far off. */
function fitSegment(
  words: readonly Writable<SpokenWord>[],
  segment: TokenSegment,
  median: number,
): { start: number; end: number } {
  const first = words[0]!;
  const last = words.at(-1)!;
  let { start, end } = segment;
  if (start < first.end && start - 0.5 > first.start)
    first.start = Math.max(0, Math.min(first.end - median, start));
  else start = first.start;
  if (end > last.start && end + 0.5 < last.end) last.end = Math.max(last.start + median, end);
  else end = last.end;
  return { start, end };
}
