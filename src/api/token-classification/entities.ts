import type { EncoderOutput } from '#model/encoder/contract.js';
import type { EncoderModel } from '#registry/types.js';
import { groupEntities, labelToken, type AggregationStrategy, type ScoredToken } from '#results/entities.js';
import { softmax } from '#results/scores.js';
import { codePointOffsets } from '#text/code-points.js';
import type { Encoding } from '#text/types.js';
import { wordsOf } from '#text/words.js';

/** A part of a text with a label. */
export interface Entity {
  /** The label, without `B-` and `I-`. */
  readonly entity_group?: string;
  /** Only with the strategy `none`: the token's label. */
  readonly entity?: string;
  readonly score: number;
  /** Only with the strategy `none`: which token it is, special ones counted. */
  readonly index?: number;
  readonly word: string;
  /** In code points of the text; the end is the character behind it. */
  readonly start: number;
  readonly end: number;
}

/**
 * What a model found in a text, in the order of the text and with everything that it holds for no entity:
 * each token by itself, or the entities that they make up.
 */
export function entitiesOf(
  model: EncoderModel,
  text: string,
  encoding: Encoding,
  output: EncoderOutput,
  strategy: AggregationStrategy | 'none',
): Entity[] {
  const { tokenizer, labels } = model;
  const offset = codePointOffsets(text);
  const scored = (position: number): ScoredToken => {
    const { start, end } = encoding.origins[position]!;
    const row = output.values.subarray(position * output.width, (position + 1) * output.width);
    return { start, end, scores: softmax(row) };
  };
  const words = wordsOf(tokenizer, text, encoding);
  if (strategy === 'none') {
    return words.flat().map(position => {
      const { start, end, label, score } = labelToken(scored(position), labels);
      const word = tokenizer.token(encoding.ids[position]!)!;
      return { entity: label, score, index: position, word, start: offset(start), end: offset(end) };
    });
  }
  const tokens = words.map(word => word.map(scored));
  return groupEntities(tokens, labels, strategy).map(({ start, end, label, score }) => ({
    entity_group: label,
    score,
    word: text.slice(start, end),
    start: offset(start),
    end: offset(end),
  }));
}
