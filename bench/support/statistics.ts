/** The value below which a share of the values lies, by the nearest rank. @param share `[0, 1]` */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

/** The median, and what only one value in twenty exceeds. */
export function p50AndP95(values: readonly number[]): [number, number] {
  return [quantile(values, 0.5), quantile(values, 0.95)];
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}
