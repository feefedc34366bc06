import type { BlockLayout, QuantizedMatrix } from '../quantization/block-format.js';
import { concat } from './concat.js';

/** A matrix that is stored quantized, in a layout that graphs run as it is: its numbers need not become floats. */
export interface PackedRows {
  readonly layout: BlockLayout;
  /** Rows `[first, last)`, read from the file at each call. */
  rows(first: number, last: number): Promise<QuantizedMatrix>;
}

/**
 * One under the other: a packed matrix where every part is packed in the same layout, else undefined.
 *
 * @param parts each with its number of rows.
 */
export function stackPacked(
  parts: readonly { readonly rows: number; readonly packed?: PackedRows | undefined }[],
): PackedRows | undefined {
  const layout = parts[0]?.packed?.layout;
  if (layout === undefined || !parts.every(({ packed }) => sameLayout(packed?.layout, layout)))
    return undefined;
  return {
    layout,
    async rows(first, last) {
      const pieces: QuantizedMatrix[] = [];
      let begin = 0;
      for (const { rows, packed } of parts) {
        const [from, to] = [Math.max(first - begin, 0), Math.min(last - begin, rows)];
        if (from < to) pieces.push(await packed!.rows(from, to));
        begin += rows;
      }
      return joined(pieces);
    },
  };
}

/** Rows `[begin, end)` of a packed matrix. */
export function slicePacked(
  source: PackedRows | undefined,
  begin: number,
  end: number,
): PackedRows | undefined {
  if (source === undefined) return undefined;
  return {
    layout: source.layout,
    rows: (first, last) => source.rows(begin + first, Math.min(begin + last, end)),
  };
}

/** The rows of every group of as many as the order has entries, in that order; see `reorderRows`. */
export function reorderPacked(
  source: PackedRows | undefined,
  order: readonly number[],
): PackedRows | undefined {
  if (source === undefined) return undefined;
  const size = order.length;
  return {
    layout: source.layout,
    async rows(first, last) {
      const begin = first - (first % size);
      const whole = await source.rows(begin, Math.ceil(last / size) * size);
      const count = Math.ceil(last / size) * size - begin;
      const pieces = Array.from({ length: last - first }, (_, i): QuantizedMatrix => {
        const row = first - begin + i;
        return rowOf(whole, row - (row % size) + order[row % size]!, count);
      });
      return joined(pieces);
    },
  };
}

/** One row of `count`. */
function rowOf({ codes, scales, zeroPoints }: QuantizedMatrix, row: number, count: number): QuantizedMatrix {
  const part = <T extends { readonly length: number; subarray(begin: number, end: number): T }>(all: T): T =>
    all.subarray((row * all.length) / count, ((row + 1) * all.length) / count);
  return { codes: part(codes), scales: part(scales), zeroPoints: zeroPoints && part(zeroPoints) };
}

function sameLayout(one: BlockLayout | undefined, other: BlockLayout): boolean {
  return one?.bits === other.bits && one.blockSize === other.blockSize && one.symmetric === other.symmetric;
}

function joined(pieces: readonly QuantizedMatrix[]): QuantizedMatrix {
  if (pieces.length === 1) return pieces[0]!;
  const symmetric = pieces.every(({ zeroPoints }) => zeroPoints === undefined);
  return {
    codes: Buffer.concat(pieces.map(({ codes }) => codes)),
    scales: concat(pieces.map(({ scales }) => scales)),
    zeroPoints: symmetric ? undefined : Buffer.concat(pieces.map(({ zeroPoints }) => zeroPoints!)),
  };
}
