import { readFileSync } from 'node:fs';
import type { Matrix } from '../weights/matrix.js';

/**
 * A matrix `[rows, columns]` with a scale for each output channel, which is a row: `weight ≈ code · scale`.
 */
export interface PerChannelMatrix {
  /** `[columns, rows]`: transposed, as MatMul multiplies from the right. */
  readonly codes: Int8Array;
  /** `[rows]` */
  readonly scales: Float32Array;
}

/**
 * Quantizes every row by its largest value. Beside the result, only one piece of the matrix is in memory.
 *
 * @param limit largest code.
 */
export async function quantizePerChannel(
  matrix: Matrix,
  limit: number = 2 ** (weightBits() - 1) - 1,
): Promise<PerChannelMatrix> {
  const { rows, columns } = matrix;
  const codes = new Int8Array(rows * columns);
  const scales = new Float32Array(rows);
  let row = 0;
  for await (const piece of matrix.pieces()) {
    for (let start = 0; start < piece.length; start += columns, row++) {
      let largest = 0;
      for (let i = start; i < start + columns; i++) largest = Math.max(largest, Math.abs(piece[i]!));
      const scale = Math.fround(largest === 0 ? 1 : largest / limit);
      scales[row] = scale;
      for (let column = 0; column < columns; column++) {
        const code = Math.round(piece[start + column]! / scale);
        codes[column * rows + row] = Math.max(-limit, Math.min(limit, code));
      }
    }
  }
  return { codes, scales };
}

/** The sum of each row, as it is stored. */
export function rowSums({ codes, scales }: PerChannelMatrix): Float32Array {
  const rows = scales.length;
  const sums = new Float64Array(rows);
  for (let start = 0; start < codes.length; start += rows)
    for (let row = 0; row < rows; row++) sums[row]! += codes[start + row]!;
  return scales.map((scale, row) => scale * sums[row]!);
}

/**
 * Bits of a weight that the processor multiplies without overflow: x86 adds two products of 8-bit numbers in
 * 16 bits, where two of full size have no room, unless it has the VNNI instructions.
 *
 * @param cpu flags of the processor, as in Linux' `/proc/cpuinfo`; undefined: those of this machine, none
 * where it does not tell.
 */
export function weightBits(arch: string = process.arch, cpu: string = cpuFlags()): 7 | 8 {
  return arch !== 'x64' || /\b(avx512_vnni|avx_vnni)\b/.test(cpu) ? 8 : 7;
}

function cpuFlags(): string {
  try {
    return /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '';
  } catch {
    return '';
  }
}
