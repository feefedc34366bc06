/**
 * The cosine of the angle between any two of some vectors.
 *
 * @param {readonly (readonly number[])[]} vectors of one length.
 * @returns {number[][]}
 */
export function cosines(vectors) {
  const lengths = vectors.map(vector => Math.sqrt(dot(vector, vector)));
  return vectors.map((a, i) =>
    vectors.map((b, j) => {
      const product = (lengths[i] ?? 0) * (lengths[j] ?? 0);
      return product === 0 ? 0 : dot(a, b) / product;
    }),
  );
}

/**
 * @param {readonly number[]} a
 * @param {readonly number[]} b
 */
function dot(a, b) {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
}
