import type { GgufType } from '#gguf/types.js';
import { packedBytes } from '../packed-rows.js';
import { BLOCK_TYPES, isBlockType } from './block-types.js';
import { packingOf } from './repack.js';

/**
 * What the precision `stored` makes of a tensor of a type, and its bytes then; undefined where the type cannot be read.
 */
export function treatmentOf(
  type: GgufType,
  shape: readonly number[],
): { readonly form: string; readonly bytes: number } | undefined {
  const columns = shape.at(-1) ?? 1;
  const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
  if (type === 'F32' || type === 'F16' || type === 'BF16')
    return { form: 'floats of 32 bits', bytes: rows * columns * 4 };
  if (!isBlockType(type)) return undefined;
  const packing = packingOf(BLOCK_TYPES[type], columns);
  const { layout, sumCopies } = packing;
  const minimums = sumCopies === 0 ? '' : ' with minimums';
  return {
    form: `${layout.bits} bits in blocks of ${layout.blockSize}${minimums}`,
    bytes: packedBytes(packing, rows, columns),
  };
}
