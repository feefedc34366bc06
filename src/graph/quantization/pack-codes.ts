/** Writes codes of 4 or 8 bits one behind the other; of two codes in a byte the first is in the lower half. */
export function packCodes(bits: 4 | 8, codes: Uint8Array, target: Uint8Array, offset: number): void {
  if (bits === 8) target.set(codes, offset);
  else
    for (let i = 0; i < codes.length; i += 2)
      target[offset + (i >> 1)] = codes[i]! | ((codes[i + 1] ?? 0) << 4);
}
