import { REPACKED } from '../../precision.js';
import { packedBytes } from '../packed-rows.js';
import type { QuantizedTensor } from './method.js';

/** What the precision `stored` makes of a weight, and its bytes then. */
export function treatmentOf({ shape, packed }: QuantizedTensor): {
  readonly form: string;
  readonly bytes: number;
} {
  const columns = shape.at(-1)!;
  const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
  const { layout, sumCopies } = packed ?? { layout: REPACKED, sumCopies: 0 };
  return {
    form: `${layout.bits} bits in blocks of ${layout.blockSize}${packed === undefined ? ' (quantized anew)' : ''}`,
    bytes: packedBytes({ layout, sumCopies }, rows, columns),
  };
}
