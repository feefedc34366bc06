/** Vectors of a text's tokens, `[tokens][width]`. */
export type TokenVectors = readonly Float32Array[];

/**
 * How well a document goes with a query: of each of the query's vectors the largest product with one of the
 * document's, summed up (MaxSim of ColBERT, Khattab and Zaharia 2020).
 *
 * @param isMean whether the sum is divided by how many vectors the query has.
 */
export function maxSimilarity(query: TokenVectors, document: TokenVectors, isMean: boolean): number {
  let sum = 0;
  for (const vector of query) {
    let best = -Infinity;
    for (const other of document) best = Math.max(best, product(vector, other));
    if (document.length > 0) sum += best;
  }
  return isMean && query.length > 0 ? sum / query.length : sum;
}

function product(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
