import { add, dot, scale, softCap, softmax, type Vector } from './operations.js';

/** An attention layer by its parts. */
export interface AttentionParts {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  /** All heads of a position, one after the other. */
  project(side: 'query' | 'key' | 'value', x: Vector): number[];
  output(x: Vector): number[];
  /** Norm of a head of queries or keys. */
  norm?(side: 'query' | 'key', head: number[]): number[];
  /** Rotary positions of a head. */
  turn?(head: number[], position: number): number[];
  /** Factor of scores; default `1 / sqrt(headSize)`. */
  readonly scale?: number;
  /** Positions that one sees, itself included. */
  readonly window?: number | undefined;
  readonly cap?: number;
}

/** Causal grouped-query attention (Ainslie et al. 2023): query head `h` reads key and value head `h · kvHeads / heads`. */
export function selfAttention(states: readonly Vector[], parts: AttentionParts): number[][] {
  const { heads, kvHeads, headSize, window = Infinity, cap } = parts;
  const factor = parts.scale ?? 1 / Math.sqrt(headSize);
  const headsOf = (side: 'query' | 'key' | 'value', x: Vector, position: number): number[][] =>
    split(parts.project(side, x), headSize).map(head => {
      if (side === 'value') return head;
      const normed = parts.norm?.(side, head) ?? head;
      return parts.turn?.(normed, position) ?? normed;
    });
  const queries = states.map((x, position) => headsOf('query', x, position));
  const keys = states.map((x, position) => headsOf('key', x, position));
  const values = states.map((x, position) => headsOf('value', x, position));
  return states.map((_, position) => {
    const first = Math.max(0, position - window + 1);
    const visible = Array.from({ length: position - first + 1 }, (_, i) => first + i);
    const attended = queries[position]!.map((query, h) => {
      const kvHead = Math.floor((h * kvHeads) / heads);
      const scores = visible.map(i => softCap(dot(query, keys[i]![kvHead]!) * factor, cap));
      return softmax(scores).reduce(
        (sum, probability, nth) => add(sum, scale(values[visible[nth]!]![kvHead]!, probability)),
        new Array<number>(headSize).fill(0),
      );
    });
    return parts.output(attended.flat());
  });
}

function split(x: Vector, size: number): number[][] {
  return Array.from({ length: x.length / size }, (_, i) => x.slice(i * size, (i + 1) * size));
}
