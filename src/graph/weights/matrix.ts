import type { Weight } from './checkpoint.js';
import { concat } from './concat.js';
import {
  interleavePacked,
  pickPacked,
  slicePacked,
  stackPacked,
  ZERO_ROW,
  type PackedRows,
} from './packed-rows.js';
import { transpose } from './transpose.js';

/**
 * A weight matrix `[rows, columns]`, row-major, that is read when it is written: rows are output features, as
 * PyTorch's Linear has them.
 */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  /**
   * Its rows in order, some at a time. A piece is read when it is asked for, so that only one needs to be in
   * memory.
   */
  pieces(): AsyncIterable<Float32Array>;
  /** The same rows as they are stored, where that is quantized and nothing was done to them but to choose rows. */
  readonly packed?: PackedRows | undefined;
  /** True where all of its numbers come from a quantized checkpoint. */
  readonly isQuantized?: boolean | undefined;
  /** What stands one under the other in it, where it was put together of several. */
  readonly parts?: readonly Matrix[] | undefined;
  /** What adapters add to its product; of the functions here only {@link padRows} passes it on. */
  readonly update?: LowRankUpdate | undefined;
}

/** A sum of products of low rank (LoRA, Hu et al. 2021), of which each row of `x` takes its share: `((x Dᵀ) ⊙ s) Uᵀ`. */
export interface LowRankUpdate {
  /** Names `x Dᵀ`, which several matrices may share. */
  readonly name: string;
  /** `D`, `[rank, columns]` */
  readonly down: Matrix;
  /** `U`, `[rows, rank]` */
  readonly up: Matrix;
  /** The value `s` of the graph, `[rows of x, rank]`. */
  readonly shares: string;
}

/** Elements of a piece that is read from a file: few enough to be nothing beside a large matrix. */
const PIECE = 2 ** 22;

/** A checkpoint's weight of two dimensions. */
export function matrix(weight: Weight): Matrix {
  const [rows, columns] = weight.shape as [number, number];
  const inPiece = Math.max(1, Math.floor(PIECE / columns));
  return {
    rows,
    columns,
    packed: weight.packed,
    isQuantized: weight.isQuantized ?? weight.packed !== undefined,
    async *pieces() {
      for (let row = 0; row < rows; row += inPiece)
        yield await weight.load(row * columns, Math.min(row + inPiece, rows) * columns);
    },
  };
}

/** Rows `[begin, end)` of a weight, of which no others are read. */
export function rowsOf(weight: Weight, begin: number, end: number): Matrix {
  const [, columns] = weight.shape as [number, number];
  return matrix({
    name: weight.name,
    shape: [end - begin, columns],
    load: (first = 0, last = (end - begin) * columns) =>
      weight.load(begin * columns + first, begin * columns + last),
    packed: slicePacked(weight.packed, begin, end),
    isQuantized: weight.isQuantized,
  });
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
    packed: stackPacked(parts),
    isQuantized: parts.every(({ isQuantized }) => isQuantized),
    parts,
    async *pieces() {
      for (const part of parts) yield* part.pieces();
    },
  };
}

/** Rows `[begin, end)`. */
export function sliceRows(source: Matrix, begin: number, end: number): Matrix {
  const { columns } = source;
  return {
    rows: end - begin,
    columns,
    packed: slicePacked(source.packed, begin, end),
    isQuantized: source.isQuantized,
    async *pieces() {
      let row = 0;
      for await (const piece of source.pieces()) {
        const rows = piece.length / columns;
        const [first, last] = [Math.max(begin - row, 0), Math.min(end - row, rows)];
        if (first < last) yield piece.subarray(first * columns, last * columns);
        row += rows;
        if (row >= end) return;
      }
    },
  };
}

/**
 * The rows of each of the first groups in another order: row `i` of a group comes from its row `order[i]`.
 *
 * @param groups groups that are changed, of as many rows as the order has entries; by default all. What is behind them
 * stays.
 */
export function reorderRows(source: Matrix, order: readonly number[], groups = Infinity): Matrix {
  const { rows, columns, isQuantized } = source;
  const size = order.length;
  const turned = Math.min(rows, groups * size);
  return {
    rows,
    columns,
    packed: pickPacked(source.packed, columns, row =>
      row < turned ? row - (row % size) + order[row % size]! : row,
    ),
    isQuantized,
    async *pieces() {
      let first = 0;
      for await (const piece of inWholes(source.pieces(), size * columns)) {
        const changed = Math.max(0, Math.min(piece.length, turned * columns - first));
        yield concat([reorderGroups(piece.subarray(0, changed), order, columns), piece.subarray(changed)]);
        first += piece.length;
      }
    },
  };
}

/**
 * Any rows of a matrix in any order.
 *
 * @param rows the source's row that stands at each place, or {@link ZERO_ROW}.
 */
export function pickRows(source: Matrix, rows: readonly number[]): Matrix {
  const { columns, isQuantized } = source;
  return {
    rows: rows.length,
    columns,
    packed: pickPacked(source.packed, columns, row => rows[row]!),
    isQuantized,
    async *pieces() {
      const values = await loadMatrix(source);
      const result = new Float32Array(rows.length * columns);
      rows.forEach((row, i) => {
        if (row !== ZERO_ROW) result.set(values.subarray(row * columns, (row + 1) * columns), i * columns);
      });
      yield result;
    },
  };
}

/**
 * The parts of every group of as many as the order has entries, in that order.
 *
 * @param size elements of a part.
 */
export function reorderGroups(values: Float32Array, order: readonly number[], size = 1): Float32Array {
  const result = new Float32Array(values.length);
  for (let begin = 0; begin < values.length; begin += order.length * size)
    order.forEach((from, to) => {
      const start = begin + from * size;
      result.set(values.subarray(start, start + size), begin + to * size);
    });
  return result;
}

/** Of groups of `size` rows every `of`-th, from the given one on. */
export function everyGroup(source: Matrix, size: number, of: number, first: number): Matrix {
  const { rows, columns, isQuantized } = source;
  return {
    rows: rows / of,
    columns,
    isQuantized,
    async *pieces() {
      yield everyPart(await loadMatrix(source), size * columns, of, first);
    },
  };
}

/** Of parts of `size` elements every `of`-th, from the given one on. */
export function everyPart(values: Float32Array, size: number, of: number, first: number): Float32Array {
  const result = new Float32Array(values.length / of);
  for (let to = 0, from = first * size; to < result.length; to += size, from += of * size)
    result.set(values.subarray(from, from + size), to);
  return result;
}

/** Every row times a factor of its own. */
export function scaleRows(source: Matrix, factors: { load(): Promise<Float32Array> }): Matrix {
  const { rows, columns, isQuantized } = source;
  return {
    rows,
    columns,
    isQuantized,
    async *pieces() {
      const by = await factors.load();
      let first = 0;
      for await (const piece of source.pieces()) {
        const start = first;
        yield piece.map((value, i) => value * by[start + Math.floor(i / columns)]!);
        first += piece.length / columns;
      }
    },
  };
}

/** Every column times a factor of its own. */
export function scaleColumns(source: Matrix, factors: { load(): Promise<Float32Array> }): Matrix {
  const { rows, columns } = source;
  return {
    rows,
    columns,
    async *pieces() {
      const by = await factors.load();
      yield* map(source.pieces(), piece => piece.map((value, i) => value * by[i % columns]!));
    },
  };
}

/** Row 0 of the one, row 0 of the other, row 1 of the one, and so on. */
export function interleaveRows(even: Matrix, odd: Matrix): Matrix {
  const { rows, columns } = even;
  return {
    rows: 2 * rows,
    columns,
    packed: interleavePacked(even.packed, odd.packed, rows, columns),
    isQuantized: even.isQuantized === true && odd.isQuantized,
    async *pieces() {
      const result = new Float32Array(2 * rows * columns);
      for (const [offset, source] of [even, odd].entries()) {
        const values = await loadMatrix(source);
        for (let row = 0; row < rows; row++)
          result.set(values.subarray(row * columns, (row + 1) * columns), (2 * row + offset) * columns);
      }
      yield result;
    },
  };
}

/** A matrix that is stored the other way round. */
export function transposed(source: Matrix): Matrix {
  const { rows, columns, isQuantized } = source;
  return {
    rows: columns,
    columns: rows,
    isQuantized,
    async *pieces() {
      yield transpose(await loadMatrix(source), rows, columns);
    },
  };
}

/** Zero rows after every group of `size` rows, so that it has `padded`. */
export function padRows(source: Matrix, size: number, padded: number): Matrix {
  if (size === padded) return source;
  const { rows, columns, isQuantized, parts, update } = source;
  const rowOf = (row: number): number => {
    const inGroup = row % padded;
    return inGroup < size ? Math.floor(row / padded) * size + inGroup : ZERO_ROW;
  };
  return {
    rows: (rows / size) * padded,
    columns,
    packed: pickPacked(source.packed, columns, rowOf),
    isQuantized,
    parts: parts?.map(part => padRows(part, size, padded)),
    update: update && { ...update, up: padRows(update.up, size, padded) },
    pieces: () =>
      map(inWholes(source.pieces(), size * columns), piece =>
        padGroups(piece, size * columns, padded * columns),
      ),
  };
}

/**
 * Zero columns after every group of `size` columns: the counterpart of {@link padRows} for what reads its
 * output.
 */
export function padColumns(source: Matrix, size: number, padded: number): Matrix {
  if (size === padded) return source;
  return {
    rows: source.rows,
    columns: (source.columns / size) * padded,
    isQuantized: source.isQuantized,
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

/** The same elements, in pieces whose lengths are multiples of a size. */
async function* inWholes(pieces: AsyncIterable<Float32Array>, size: number): AsyncIterable<Float32Array> {
  let rest: Float32Array = new Float32Array(0);
  for await (const piece of pieces) {
    const all = rest.length === 0 ? piece : concat([rest, piece]);
    const whole = all.length - (all.length % size);
    if (whole > 0) yield all.subarray(0, whole);
    rest = all.slice(whole);
  }
}

async function* map(
  pieces: AsyncIterable<Float32Array>,
  change: (piece: Float32Array) => Float32Array,
): AsyncIterable<Float32Array> {
  for await (const piece of pieces) yield change(piece);
}
