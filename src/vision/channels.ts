/** Channels of decoded files, as PIL turns them into red, green and blue: to the byte. */

/** `a / 255`, rounded. */
function by255(a: number): number {
  const b = a + 128;
  return ((b >> 8) + b) >> 8;
}

/**
 * Red, green and blue of inks (`convert('RGB')` of a picture of PIL's mode CMYK): no colour management.
 *
 * @param inks cyan, magenta, yellow, black: `[pixels, 4]`.
 * @returns `[pixels, 3]`
 */
export function fromInks(inks: Uint8Array): Uint8Array {
  const colours = new Uint8ClampedArray((inks.length / 4) * 3);
  for (let from = 0, to = 0; from < inks.length; from += 4, to += 3) {
    const light = 255 - inks[from + 3]!;
    for (let channel = 0; channel < 3; channel++)
      colours[to + channel] = light - by255(inks[from + channel]! * light);
  }
  return new Uint8Array(colours.buffer);
}

/**
 * Colours in front of white (`Image.alpha_composite` on an opaque white picture).
 *
 * @param colours red, green, blue, opacity: `[pixels, 4]`.
 * @returns `[pixels, 3]`
 */
export function onWhite(colours: Uint8Array): Uint8Array {
  const seen = new Uint8Array((colours.length / 4) * 3);
  for (let from = 0, to = 0; from < colours.length; from += 4, to += 3) {
    const opacity = colours[from + 3]!;
    for (let channel = 0; channel < 3; channel++)
      seen[to + channel] = by255(colours[from + channel]! * opacity + 255 * (255 - opacity));
  }
  return seen;
}
