/**
 * Replaces each number of a row by the median of those around it; what lies beyond the ends is mirrored there. A row that is
 * too short for that stays.
 *
 * @param width odd
 * @returns `row.length` numbers
 */
export function medianFilter(row: Float32Array, width: number): Float32Array {
  const reach = (width - 1) / 2;
  const { length } = row;
  if (length <= reach) return row;
  const at = (index: number): number =>
    row[index < 0 ? -index : index >= length ? 2 * (length - 1) - index : index]!;
  // Those of the window in ascending order, of which one leaves and one comes at each step.
  const window = Array.from({ length: width }, (_, offset) => at(offset - reach)).sort((a, b) => a - b);
  const filtered = new Float32Array(length);
  for (let index = 0; ; index++) {
    filtered[index] = window[reach]!;
    if (index + 1 === length) return filtered;
    replace(window, at(index - reach), at(index + 1 + reach));
  }
}

/** Takes one number out of a sorted array, and puts another one in. */
function replace(sorted: number[], old: number, fresh: number): void {
  let place = sorted.indexOf(old);
  for (; place > 0 && sorted[place - 1]! > fresh; place--) sorted[place] = sorted[place - 1]!;
  for (; place + 1 < sorted.length && sorted[place + 1]! < fresh; place++) sorted[place] = sorted[place + 1]!;
  sorted[place] = fresh;
}
