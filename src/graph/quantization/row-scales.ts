import { readFileSync } from 'node:fs';
import { loadMatrix, type Matrix } from '../weights/matrix.js';

/** A matrix `[rows, columns]` with a scale for each row: `weight ≈ code · scale`. */
export interface RowScaledMatrix {
  /** `[columns, rows]`: transposed, as MatMul multiplies from the right. */
  readonly codes: Int8Array;
  /** `[rows]` */
  readonly scales: Float32Array;
}

/**
 * Quantizes every row by its largest value.
 *
 * @param limit largest code.
 */
export async function quantizeRows(matrix: Matrix, limit: number): Promise<RowScaledMatrix> {
  const { rows, columns } = matrix;
  const values = await loadMatrix(matrix);
  const codes = new Int8Array(rows * columns);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const own = values.subarray(row * columns, (row + 1) * columns);
    const largest = own.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    const scale = Math.fround(largest === 0 ? 1 : largest / limit);
    scales[row] = scale;
    for (let column = 0; column < columns; column++)
      codes[column * rows + row] = Math.max(-limit, Math.min(limit, Math.round(own[column]! / scale)));
  }
  return { codes, scales };
}

/**
 * Bits of a weight that the processor multiplies without overflow: x86 adds two products of 8-bit numbers in 16 bits, where two of full
 * size have no room, unless it has the VNNI instructions.
 *
 * @param cpu flags of the processor, as in Linux' `/proc/cpuinfo`; undefined: those of this machine, none where it does not tell.
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
