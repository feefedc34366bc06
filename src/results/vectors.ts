/**
 * A vector's first components. An embedding that was trained for it (Kusupati et al. 2022, "Matryoshka")
 * remains an embedding when it is cut.
 *
 * @param dimensions a vector that has fewer stays as it is.
 */
export function shorten(vector: Float32Array, dimensions: number): Float32Array {
  return vector.subarray(0, dimensions);
}

/** The vector scaled to a length of 1, as a new array; one of zeros stays as it is. */
export function normalize(vector: Float32Array): Float32Array {
  const length = Math.sqrt(dot(vector, vector));
  return length === 0 ? vector.slice() : vector.map(value => value / length);
}

/** Cosine similarity in `[-1, 1]`; 0 if one of the vectors is all zeros. */
export function cosine(a: Float32Array, b: Float32Array): number {
  const lengths = Math.sqrt(dot(a, a)) * Math.sqrt(dot(b, b));
  return lengths === 0 ? 0 : Math.min(1, Math.max(-1, dot(a, b) / lengths));
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
