import { FRAMES_PER_SECOND, FRAMES_PER_TIMESTAMP, TIME_PRECISION } from './time.js';

/** A stretch of a window's text, with its times in seconds of the recording. */
export interface TokenSegment {
  readonly start: number;
  readonly end: number;
  readonly tokens: readonly number[];
}

/** A window's text in segments, and where the next window begins. */
export interface SplitWindow {
  readonly segments: readonly TokenSegment[];
  /** Frame of the recording. */
  readonly seek: number;
  /** Whether the text ends with a single time: nothing is said behind it. */
  readonly endsWithSingleTimestamp: boolean;
}

/** Where in a recording a window lies, in frames. */
export interface WindowPlace {
  readonly seek: number;
  readonly length: number;
}

/**
 * Cuts a window's text where one segment's end and the next one's beginning stand side by side (openai/whisper,
 * `transcribe.py`). What comes behind the last pair is not finished: the next window hears it again.
 */
export function splitByTimestamps(
  tokens: readonly number[],
  timestampBegin: number,
  { seek, length }: WindowPlace,
): SplitWindow {
  const offset = seek / FRAMES_PER_SECOND;
  const isTimestamp = (index: number): boolean => (tokens[index] ?? -1) >= timestampBegin;
  const position = (index: number): number => tokens[index]! - timestampBegin;
  const count = tokens.length;
  const endsWithSingleTimestamp = count >= 2 && !isTimestamp(count - 2) && isTimestamp(count - 1);
  const cuts: number[] = [];
  for (let index = 1; index < count; index++)
    if (isTimestamp(index) && isTimestamp(index - 1)) cuts.push(index);

  if (cuts.length === 0) {
    const last = tokens.findLastIndex(id => id >= timestampBegin);
    const duration =
      last >= 0 && position(last) > 0 ? position(last) * TIME_PRECISION : length / FRAMES_PER_SECOND;
    return {
      segments: [{ start: offset, end: offset + duration, tokens }],
      seek: seek + length,
      endsWithSingleTimestamp,
    };
  }

  if (endsWithSingleTimestamp) cuts.push(count);
  const segments = cuts.map((cut, index) => {
    const begin = cuts[index - 1] ?? 0;
    return {
      start: offset + position(begin) * TIME_PRECISION,
      end: offset + position(cut - 1) * TIME_PRECISION,
      tokens: tokens.slice(begin, cut),
    };
  });
  const next = endsWithSingleTimestamp ? length : position(cuts.at(-1)! - 1) * FRAMES_PER_TIMESTAMP;
  return { segments, seek: seek + next, endsWithSingleTimestamp };
}
