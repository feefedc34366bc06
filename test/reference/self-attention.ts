import { groupedAttention, mapHeads, type AttentionShape } from './attention.js';
import type { Vector } from './operations.js';

/** An attention layer by its parts. */
export interface AttentionParts extends AttentionShape {
  /** All heads of a position, one after the other. */
  project(side: 'query' | 'key' | 'value', x: Vector): number[];
  output(x: Vector): number[];
  /** Norm of a head of queries or keys. */
  norm?(side: 'query' | 'key', head: number[], index: number): number[];
  /** Rotary positions of a head. */
  turn?(head: number[], position: number, side: 'query' | 'key'): number[];
  /** Factor of scores; default `1 / sqrt(headSize)`. */
  readonly scale?: number;
  /** Positions that one sees, itself included. */
  readonly window?: number | undefined;
  /** Added to the score of a query and a key, by their positions. */
  readonly bias?: (head: number, query: number, key: number) => number;
  /** A score of each head beside those of its keys, with no value. */
  readonly sinks?: Vector;
  /** Cap of the scores. */
  readonly cap?: number;
  /** False: a position sees those behind it, too, and `window` is how many of them. */
  readonly is_causal?: boolean | undefined;
}

/** Grouped-query attention (Ainslie et al. 2023), causal if not said otherwise. */
export function selfAttention(states: readonly Vector[], parts: AttentionParts): number[][] {
  const project = (side: 'query' | 'key'): number[][] =>
    states.map((x, position) =>
      mapHeads(parts.project(side, x), parts.headSize, (head, index) => {
        const normed = parts.norm?.(side, head, index) ?? head;
        return parts.turn?.(normed, position, side) ?? normed;
      }),
    );
  const values = states.map(x => parts.project('value', x));
  return groupedAttention(
    project('query'),
    project('key'),
    values,
    parts,
    parts.scale,
    parts.window,
    parts.cap,
    parts.is_causal === false,
    parts.bias,
    parts.sinks,
  ).map(attended => parts.output(attended));
}
