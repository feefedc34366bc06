/** Nearest integer; of a half, the even one, as Python's `round`. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Nearest number of hundredths, as Python's `round(value, 2)`. */
export function roundHundredths(value: number): number {
  // Of numbers that lie exactly between two hundredths, which are odd eighths, toFixed takes the larger.
  const eighths = value * 8;
  if (Number.isInteger(eighths) && eighths % 2 !== 0) return roundHalfEven(value * 100) / 100;
  return Number(value.toFixed(2));
}
