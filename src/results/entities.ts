import type { Span } from '#text/types.js';
import { argMax } from './scores.js';

/**
 * Rule by which a word that was cut into several tokens gets one label, with the names and rules of
 * transformers' token classification pipeline. `simple`: none, its tokens may be parts of different entities.
 * `first`: the label of its first token. `max`: that of its most certain token. `average`: the best one by
 * its tokens' mean scores.
 */
export type AggregationStrategy = 'simple' | 'first' | 'average' | 'max';

/** A token's place in the text and the probability of each label. */
export interface ScoredToken extends Span {
  readonly scores: readonly number[];
}

/** A stretch of text with a label. */
interface LabelledSpan extends Span {
  readonly label: string;
  readonly score: number;
}

/** A token with its most probable label. */
export function labelToken({ start, end, scores }: ScoredToken, labels: readonly string[]): LabelledSpan {
  const best = argMax(scores);
  return { start, end, label: labels[best]!, score: scores[best]! };
}

/**
 * Groups neighbours into entities: those with the same label, but for its `B-` or `I-`, are one entity, and a
 * `B-` begins a new one. An entity's score is the mean of its parts'.
 *
 * @param words each as its tokens, at least one.
 * @param labels in the order of the scores.
 * @returns in the order of the text, with labels without `B-` and `I-`; also what is outside of entities, as
 * `O`.
 */
export function groupEntities(
  words: readonly (readonly ScoredToken[])[],
  labels: readonly string[],
  strategy: AggregationStrategy,
): LabelledSpan[] {
  const parts =
    strategy === 'simple'
      ? words.flat().map(token => labelToken(token, labels))
      : words.map(word => labelToken(wordAsToken(word, strategy), labels));
  const groups: LabelledSpan[][] = [];
  let last: string | undefined;
  for (const part of parts) {
    const { begins, type } = parseLabel(part.label);
    if (type === last && !begins) groups.at(-1)!.push(part);
    else groups.push([part]);
    last = type;
  }
  return groups.map(group => ({
    start: group[0]!.start,
    end: group.at(-1)!.end,
    label: parseLabel(group[0]!.label).type,
    score: group.reduce((sum, { score }) => sum + score, 0) / group.length,
  }));
}

/** Turns a word into one token, whose scores decide on its label. */
function wordAsToken(
  word: readonly ScoredToken[],
  strategy: Exclude<AggregationStrategy, 'simple'>,
): ScoredToken {
  return { start: word[0]!.start, end: word.at(-1)!.end, scores: wordScores(word, strategy) };
}

function wordScores(
  word: readonly ScoredToken[],
  strategy: Exclude<AggregationStrategy, 'simple'>,
): readonly number[] {
  switch (strategy) {
    case 'first':
      return word[0]!.scores;
    case 'max':
      return word[argMax(word.map(({ scores }) => scores[argMax(scores)]!))]!.scores;
    case 'average':
      return word[0]!.scores.map(
        (_, label) => word.reduce((sum, { scores }) => sum + scores[label]!, 0) / word.length,
      );
  }
}

/** `B-PER` begins an entity of type `PER`, `I-PER` continues one, and a label in no such form does too. */
function parseLabel(label: string): { readonly begins: boolean; readonly type: string } {
  const prefix = label.slice(0, 2);
  return { begins: prefix === 'B-', type: prefix === 'B-' || prefix === 'I-' ? label.slice(2) : label };
}
