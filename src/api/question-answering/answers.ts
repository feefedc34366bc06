import type { EncoderOutput } from '#model/encoder/contract.js';
import { findAnswers, type AnswerWindow } from '#results/answer-spans.js';
import { codePointOffsets } from '#text/code-points.js';
import type { Encoding, Span, Tokenizer } from '#text/types.js';
import { wordsOf } from '#text/words.js';
import type { ContextWindows } from './windows.js';

/** A part of a context that answers a question. */
export interface Answer {
  /** A probability, over all places of the context. */
  readonly score: number;
  /** Where it begins in the context, in code points. */
  readonly start: number;
  /** Where it ends: the character behind it. */
  readonly end: number;
  readonly answer: string;
}

export interface AnswerOptions {
  readonly topK: number;
  /** Longest answer, in tokens. */
  readonly maxLength: number;
  /** Whether "no answer" may be among the answers. */
  readonly nullAnswer: boolean;
  /** Whether answers are extended to whole words. */
  readonly wholeWords: boolean;
}

/**
 * Spans of tokens that become the same words are one answer; so many are looked at for each that is wanted.
 */
const SPANS_PER_ANSWER = 4;

/** @returns the most probable answers, the best first. */
export function bestAnswers(
  tokenizer: Tokenizer,
  context: string,
  { whole, windows, firsts }: ContextWindows,
  outputs: readonly EncoderOutput[],
  { topK, maxLength, nullAnswer, wholeWords }: AnswerOptions,
): Answer[] {
  const answerWindows = windows.map((window, index) => answerWindow(window, outputs[index]!, firsts[index]!));
  const { spans, nullScore } = findAnswers(answerWindows, topK * SPANS_PER_ANSWER, maxLength);
  const places = contextSpans(tokenizer, context, whole, wholeWords);
  const offset = codePointOffsets(context);
  const answers = new Map<string, Answer>();
  for (const { start: first, end: last, score } of spans) {
    const { start } = places[first]!;
    const { end } = places[last]!;
    const answer = { score, start: offset(start), end: offset(end), answer: context.slice(start, end) };
    const key = `${start}-${end}`;
    // The best of them comes first.
    if (!answers.has(key)) answers.set(key, answer);
  }
  const all = [...answers.values()];
  if (nullAnswer) all.push({ score: nullScore, start: 0, end: 0, answer: '' });
  return all.sort((a, b) => b.score - a.score).slice(0, topK);
}

function answerWindow({ origins }: Encoding, { values }: EncoderOutput, first: number): AnswerWindow {
  const positions = origins.flatMap((origin, position) => (origin?.text === 1 ? [position] : []));
  return {
    first,
    starts: positions.map(position => values[2 * position]!),
    ends: positions.map(position => values[2 * position + 1]!),
    nullStart: values[0]!,
    nullEnd: values[1]!,
  };
}

/** For each token of the context, its place, or that of its word. */
function contextSpans(tokenizer: Tokenizer, context: string, whole: Encoding, ofWords: boolean): Span[] {
  const spans: (Span | undefined)[] = [...whole.origins];
  if (ofWords) {
    for (const word of wordsOf(tokenizer, context, whole, 1)) {
      const span = { start: spans[word[0]!]!.start, end: spans[word.at(-1)!]!.end };
      for (const position of word) spans[position] = span;
    }
  }
  return whole.origins.flatMap((origin, position) => (origin?.text === 1 ? [spans[position]!] : []));
}
