/** A set of integers, as ascending pairs `[low, high]` (both inside) that neither overlap nor touch. */
export type Ranges = readonly (readonly [low: number, high: number])[];

/** Code points of text: surrogates are not characters. */
export const CHARACTERS: Ranges = [
  [0, 0xd7ff],
  [0xe000, 0x10ffff],
];

export function union(...sets: readonly Ranges[]): Ranges {
  const sorted = sets.flat().sort((a, b) => a[0] - b[0]);
  const result: [number, number][] = [];
  for (const [low, high] of sorted) {
    const last = result.at(-1);
    if (last !== undefined && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else result.push([low, high]);
  }
  return result;
}

export function intersection(a: Ranges, b: Ranges): Ranges {
  const result: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const low = Math.max(a[i]![0], b[j]![0]);
    const high = Math.min(a[i]![1], b[j]![1]);
    if (low <= high) result.push([low, high]);
    if (a[i]![1] < b[j]![1]) i++;
    else j++;
  }
  return result;
}

/** The values in `a` that are not in `b`. */
export function difference(a: Ranges, b: Ranges): Ranges {
  const gaps: [number, number][] = [];
  let next = 0;
  for (const [low, high] of b) {
    if (low > next) gaps.push([next, low - 1]);
    next = high + 1;
  }
  gaps.push([next, Infinity]);
  return intersection(a, gaps);
}

/** The set of single values. */
export function rangesOf(...values: readonly number[]): Ranges {
  return union(values.map(value => [value, value] as const));
}
