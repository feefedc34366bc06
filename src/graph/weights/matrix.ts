import type { Weight } from './checkpoint.js';

/**
 * A weight matrix `[rows, columns]`, row-major, that is read when it is written: rows are output features, as PyTorch's Linear has them.
 */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  /** Its rows in order, some at a time. A piece is read when it is asked for, so that only one needs to be in memory. */
  pieces(): AsyncIterable<Float32Array>;
}

/** A checkpoint's weight of two dimensions, in one piece. */
export function matrix(weight: Weight): Matrix {
  const [rows, columns] = weight.shape as [number, number];
  return {
    rows,
    columns,
    async *pieces() {
      yield await weight.load();
    },
  };
}

/** All rows at once. */
export async function loadMatrix(source: Matrix): Promise<Float32Array> {
  const result = new Float32Array(source.rows * source.columns);
  let offset = 0;
  for await (const piece of source.pieces()) {
    if (piece.length === result.length) return piece;
    result.set(piece, offset);
    offset += piece.length;
  }
  return result;
}

/** Matrices of equal width, one under the other: several projections of the same input become one. */
export function stackRows(parts: readonly Matrix[]): Matrix {
  const [first] = parts as [Matrix];
  return {
    rows: parts.reduce((sum, part) => sum + part.rows, 0),
    columns: first.columns,
    async *pieces() {
      for (const part of parts) yield* part.pieces();
    },
  };
}

/** Zero rows after every group of `size` rows, so that it has `padded`. A piece of the source must hold whole groups. */
export function padRows(source: Matrix, size: number, padded: number): Matrix {
  if (size === padded) return source;
  const { rows, columns } = source;
  return {
    rows: (rows / size) * padded,
    columns,
    pieces: () => map(source.pieces(), piece => padGroups(piece, size * columns, padded * columns)),
  };
}

/** Zero columns after every group of `size` columns: the counterpart of {@link padRows} for what reads its output. */
export function padColumns(source: Matrix, size: number, padded: number): Matrix {
  if (size === padded) return source;
  return {
    rows: source.rows,
    columns: (source.columns / size) * padded,
    pieces: () => map(source.pieces(), piece => padGroups(piece, size, padded)),
  };
}

/** Follows every group of `size` elements by zeros up to `padded`. */
export function padGroups(values: Float32Array, size: number, padded: number): Float32Array {
  const groups = values.length / size;
  const result = new Float32Array(groups * padded);
  for (let group = 0; group < groups; group++)
    result.set(values.subarray(group * size, (group + 1) * size), group * padded);
  return result;
}

/** One array after the other. */
export function concat(parts: readonly Float32Array[]): Float32Array {
  const result = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}

async function* map(
  pieces: AsyncIterable<Float32Array>,
  change: (piece: Float32Array) => Float32Array,
): AsyncIterable<Float32Array> {
  for await (const piece of pieces) yield change(piece);
}
