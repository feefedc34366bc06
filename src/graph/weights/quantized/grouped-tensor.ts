import type { QuantizedTensor } from './method.js';
import { groupedFloats, packGroups, type GroupedMatrix } from './grouped-matrix.js';

/**
 * A matrix of integers in groups as a checkpoint's tensor.
 *
 * @param type what it is, but for its groups.
 * @param tensors what it is made of.
 * @param shape where it is not that of the matrix: several matrices, one under the other.
 */
export function groupedTensor(
  type: string,
  tensors: readonly string[],
  matrix: GroupedMatrix,
  shape: readonly number[] = [matrix.rows, matrix.columns],
): QuantizedTensor {
  const { groupSize, columns, groupOf } = matrix;
  const groups = groupSize >= columns ? 'by rows' : `in groups of ${groupSize}`;
  return {
    type: `${type} ${groupOf === undefined ? groups : 'in groups of any columns'}`,
    shape,
    tensors,
    rows: (first, last) => groupedFloats(matrix, first, last),
    packed: packGroups(matrix),
  };
}
