import type { Weight } from './checkpoint.js';

/** A weight matrix `[rows, columns]`, row-major, that is read when it is written: rows are output features, as PyTorch's Linear has them. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  load(): Promise<Float32Array>;
}

/** A checkpoint's weight of two dimensions. */
export function matrix(weight: Weight): Matrix {
  const [rows, columns] = weight.shape as [number, number];
  return { rows, columns, load: () => weight.load() };
}

/** Matrices of equal width, one under the other: several projections of the same input become one. */
export function stackRows(parts: readonly Matrix[]): Matrix {
  const [first] = parts as [Matrix];
  return {
    rows: parts.reduce((sum, part) => sum + part.rows, 0),
    columns: first.columns,
    load: async () => concat(await loadAll(parts)),
  };
}

/** Zero rows after every group of `size` rows, so that it has `padded`. */
export function padRows(source: Matrix, size: number, padded: number): Matrix {
  if (size === padded) return source;
  const { rows, columns } = source;
  return {
    rows: (rows / size) * padded,
    columns,
    load: async () => padGroups(await source.load(), size * columns, padded * columns),
  };
}

/** Zero columns after every group of `size` columns: the counterpart of {@link padRows} for what reads its output. */
export function padColumns(source: Matrix, size: number, padded: number): Matrix {
  if (size === padded) return source;
  return {
    rows: source.rows,
    columns: (source.columns / size) * padded,
    load: async () => padGroups(await source.load(), size, padded),
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

async function loadAll(parts: readonly Matrix[]): Promise<Float32Array[]> {
  const loaded: Float32Array[] = [];
  for (const part of parts) loaded.push(await part.load());
  return loaded;
}
