/** `[begin, end)` of anything that is counted from the beginning of a recording. */
export interface Span {
  readonly begin: number;
  readonly end: number;
}

/** Where a span is cut. */
export interface CutRules {
  /** No piece is longer than this; at least 2. */
  readonly longest: number;
  /** How long a place must be quiet: shorter ones lie within words. */
  readonly quiet: number;
}

/**
 * Cuts a span where it is quietest into pieces between half the longest length and the whole of it; the last one may be shorter.
 *
 * @param loudness of each point, at least 0
 * @returns pieces that follow each other, and together are the span.
 */
export function quietCuts(
  loudness: Float32Array,
  { begin, end }: Span,
  { longest, quiet }: CutRules,
): Span[] {
  const pieces: Span[] = [];
  while (end - begin > longest) {
    const cut = quietest(loudness, begin + Math.ceil(longest / 2), begin + longest, quiet);
    pieces.push({ begin, end: cut });
    begin = cut;
  }
  if (begin < end) pieces.push({ begin, end });
  return pieces;
}

/** The point of `[from, to]` around which there is least; of several, the last, which makes the fewest pieces. */
function quietest(loudness: Float32Array, from: number, to: number, quiet: number): number {
  const half = Math.ceil(quiet / 2);
  let best = to;
  let least = Infinity;
  for (let point = from; point <= to; point++) {
    const around = loudness.subarray(Math.max(0, point - half), point + half);
    const mean = around.reduce((sum, value) => sum + value, 0) / around.length;
    if (mean <= least) [least, best] = [mean, point];
  }
  return best;
}
