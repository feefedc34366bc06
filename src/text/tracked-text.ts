import {
  PrependNormalizer,
  ReplaceNormalizer,
  SequenceNormalizer,
  StripNormalizer,
  type Normalizer,
} from './huggingface.js';
import type { Span } from './types.js';

/**
 * A text that normalizers have changed, with the span of the original that each of its UTF-16 units comes
 * from. Spans never cut a character, and never go back.
 */
export interface TrackedText {
  readonly text: string;
  /** Per unit of `text`. */
  readonly spans: readonly Span[];
}

/** A text as it is; its own units are the original. */
export function track(text: string): TrackedText {
  const tracked = new Tracker();
  let start = 0;
  for (const character of text) {
    tracked.push(character, { start, end: start + character.length });
    start += character.length;
  }
  return tracked;
}

/** A part of a text, in its units. */
export function slice({ text, spans }: TrackedText, start: number, end: number): TrackedText {
  return { text: text.slice(start, end), spans: spans.slice(start, end) };
}

/** A text without white space at its ends. */
export function trim(input: TrackedText, left: boolean, right: boolean): TrackedText {
  const { length } = input.text;
  const start = left ? length - input.text.trimStart().length : 0;
  const end = right ? input.text.trimEnd().length : length;
  return slice(input, start, Math.max(start, end));
}

/** Applies a normalizer and keeps track of what came from where. */
export function normalize(input: TrackedText, normalizer: Normalizer): TrackedText {
  if (normalizer instanceof SequenceNormalizer)
    return normalizer.normalizers.reduce(
      (text, step) => (step === null ? text : normalize(text, step)),
      input,
    );
  if (normalizer instanceof StripNormalizer)
    return trim(input, normalizer.config.strip_left ?? false, normalizer.config.strip_right ?? false);
  if (normalizer instanceof PrependNormalizer) {
    const tracked = new Tracker();
    const start = input.spans[0]?.start ?? 0;
    tracked.push(normalizer.config.prepend, { start, end: start });
    tracked.copy(input, 0, input.text.length);
    return tracked;
  }
  if (normalizer instanceof ReplaceNormalizer && normalizer.pattern !== null) {
    const replaced = replace(input, normalizer.pattern, normalizer.config.content ?? '');
    if (replaced.text === normalizer.normalize(input.text)) return replaced;
  }
  return change(input, text => normalizer.normalize(text));
}

/** Replaces what a pattern (with the flag `g`) matches. */
export function replace(input: TrackedText, pattern: RegExp, content: string): TrackedText {
  const tracked = new Tracker();
  let done = 0;
  for (const { 0: match, index } of input.text.matchAll(pattern)) {
    tracked.copy(input, done, index);
    done = index + match.length;
    tracked.push(content, cover(input, index, done));
  }
  tracked.copy(input, done, input.text.length);
  return tracked;
}

/**
 * Applies a function that changes text character by character, as lowercasing and Unicode normalization do,
 * so that it may be applied to the words and, where a word's length changes, to the combining character
 * sequences of that word alone.
 */
export function change(input: TrackedText, apply: (text: string) => string): TrackedText {
  const changed = apply(input.text);
  if (changed === input.text) return input;
  const tracked = new Tracker();
  for (const { 0: word, index } of input.text.matchAll(WORD)) changeWord(tracked, input, index, word, apply);
  return tracked.text === changed ? tracked : changeAtOnce(new Tracker(), input, 0, input.text, changed);
}

const WORD = /\s+|\S+/g;

/**
 * A character with the marks that combine with it, or conjoining jamo of one syllable: the parts of a text
 * that Unicode normalization changes independently of each other.
 */
const SEQUENCE = /(?:[\u1100-\u11ff]+|[\uac00-\ud7a3][\u11a8-\u11ff]*|.)[\p{M}\uff9e\uff9f]*/gsu;

function changeWord(
  tracked: Tracker,
  input: TrackedText,
  start: number,
  word: string,
  apply: (text: string) => string,
): void {
  const changed = apply(word);
  if (changed.length === word.length && isAscii(word)) {
    for (let i = 0; i < word.length; i++) tracked.push(changed[i]!, input.spans[start + i]!);
    return;
  }
  const sequences = Array.from(word.matchAll(SEQUENCE), ({ 0: sequence, index }) => ({
    span: cover(input, start + index, start + index + sequence.length),
    changed: apply(sequence),
  }));
  // Lengths that add up are enough: a final sigma has the length of any other.
  if (sequences.reduce((sum, sequence) => sum + sequence.changed.length, 0) !== changed.length) {
    changeAtOnce(tracked, input, start, word, changed);
    return;
  }
  let done = 0;
  for (const {
    span,
    changed: { length },
  } of sequences) {
    tracked.push(changed.slice(done, done + length), span);
    done += length;
  }
}

/**
 * The fallback: everything between the common beginning and the common end comes from all of the original in
 * between.
 */
function changeAtOnce(
  tracked: Tracker,
  input: TrackedText,
  start: number,
  part: string,
  changed: string,
): Tracker {
  const shorter = Math.min(part.length, changed.length);
  let head = 0;
  while (head < shorter && part[head] === changed[head]) head++;
  let tail = 0;
  while (tail < shorter - head && part.at(-1 - tail) === changed.at(-1 - tail)) tail++;
  const tailStart = start + part.length - tail;
  tracked.copy(input, start, start + head);
  tracked.push(changed.slice(head, changed.length - tail), cover(input, start + head, tailStart));
  tracked.copy(input, tailStart, start + part.length);
  return tracked;
}

/** The span of the original behind units `[start, end)`; empty if there are none. */
function cover({ spans }: TrackedText, start: number, end: number): Span {
  if (start < end) return { start: spans[start]!.start, end: spans[end - 1]!.end };
  const place = spans[start]?.start ?? spans.at(-1)?.end ?? 0;
  return { start: place, end: place };
}

function isAscii(text: string): boolean {
  // eslint-disable-next-line no-control-regex -- all of ASCII is meant
  return /^[\x00-\x7f]*$/.test(text);
}

class Tracker implements TrackedText {
  text = '';
  readonly spans: Span[] = [];

  push(text: string, span: Span): void {
    this.text += text;
    for (let i = 0; i < text.length; i++) this.spans.push(span);
  }

  copy({ text, spans }: TrackedText, start: number, end: number): void {
    this.text += text.slice(start, end);
    for (let i = start; i < end; i++) this.spans.push(spans[i]!);
  }
}
