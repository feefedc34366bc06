/**
 * Replaces each number of a row by the median of those around it; what lies beyond the ends is mirrored there. A row that is too short for
 * that stays.
 *
 * @param width odd
 * @returns `row.length` numbers
 */
export function medianFilter(row: Float32Array, width: number): Float32Array {
  const reach = (width - 1) / 2;
  const { length } = row;
  if (length <= reach) return row;
  const mirrored = new Float32Array(length + 2 * reach);
  mirrored.set(row, reach);
  for (let step = 1; step <= reach; step++) {
    mirrored[reach - step] = row[step]!;
    mirrored[reach + length - 1 + step] = row[length - 1 - step]!;
  }
  // Those of the window in ascending order, of which one leaves and one comes at each step.
  const window = mirrored.slice(0, width).sort();
  const filtered = new Float32Array(length);
  filtered[0] = window[reach]!;
  for (let index = 1; index < length; index++) {
    replace(window, mirrored[index - 1]!, mirrored[index - 1 + width]!);
    filtered[index] = window[reach]!;
  }
  return filtered;
}

/** Takes one number out of a sorted array, and puts another one in. */
function replace(sorted: Float32Array, old: number, fresh: number): void {
  const last = sorted.length - 1;
  let place = 0;
  while (place < last && sorted[place]! < old) place++;
  for (; place > 0 && sorted[place - 1]! > fresh; place--) sorted[place] = sorted[place - 1]!;
  for (; place < last && sorted[place + 1]! < fresh; place++) sorted[place] = sorted[place + 1]!;
  sorted[place] = fresh;
}
