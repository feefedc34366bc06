/** Floats of few bits by their definitions: E4M3 and E5M2 (Micikevicius et al. 2022), E2M1 and E8M0 (OCP MX 1.0). */

/** A float of sign, exponent and fraction, whose exponent has no special values. */
export function minifloat(bits: number, exponentBits: number, fractionBits: number): number {
  const digits = bits.toString(2).padStart(1 + exponentBits + fractionBits, '0');
  const sign = digits.startsWith('1') ? -1 : 1;
  const exponent = parseInt(digits.slice(1, 1 + exponentBits), 2);
  const fraction = parseInt(digits.slice(1 + exponentBits), 2);
  const bias = 2 ** (exponentBits - 1) - 1;
  const unit = 2 ** -fractionBits;
  return exponent === 0
    ? sign * fraction * unit * 2 ** (1 - bias)
    : sign * (1 + fraction * unit) * 2 ** (exponent - bias);
}
