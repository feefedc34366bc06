/**
 * A background for the light and for the dark look of the page.
 *
 * @typedef {{ readonly light: string, readonly dark: string }} Shades
 */

/**
 * A colour in OKLCH, whose lightness is even to the eye.
 *
 * @typedef {{ readonly lightness: number, readonly chroma: number, readonly hue: number }} Colour
 */

/** Surprise at which the scale ends, in bits: a probability of about 0.1 %. */
const MOST_BITS = 10;

/**
 * Scales from the page's own background to a strong colour. Lightness changes in one direction only, so that the order can be seen without
 * telling hues apart, and stays far enough from that of the text.
 */
const SURPRISE = {
  light: { from: colour(1, 0, 95), to: colour(0.76, 0.15, 45) },
  dark: { from: colour(0.23, 0.005, 80), to: colour(0.52, 0.13, 48) },
};
const ALIKE = {
  light: { from: colour(0.985, 0.004, 80), to: colour(0.77, 0.13, 60) },
  dark: { from: colour(0.26, 0.005, 70), to: colour(0.52, 0.12, 55) },
};
const OPPOSITE = {
  light: { from: colour(0.985, 0.004, 250), to: colour(0.77, 0.1, 250) },
  dark: { from: colour(0.26, 0.005, 260), to: colour(0.5, 0.11, 260) },
};

/**
 * How surprising a token of this probability is, from 0 to 1. The root spreads out the probable ones, of which there are most.
 *
 * @param {number} probability
 */
export function surprise(probability) {
  const bits = -Math.log2(Math.max(probability, 2 ** -MOST_BITS));
  return Math.sqrt(Math.min(1, Math.max(0, bits / MOST_BITS)));
}

/**
 * @param {number} probability
 * @returns {Shades}
 */
export function probabilityShades(probability) {
  return shades(SURPRISE, surprise(probability));
}

/**
 * @param {number} cosine from -1 to 1; 0 is neutral.
 * @returns {Shades}
 */
export function cosineShades(cosine) {
  return shades(cosine < 0 ? OPPOSITE : ALIKE, Math.min(1, Math.abs(cosine)));
}

/**
 * @param {Readonly<Record<'light' | 'dark', { from: Colour, to: Colour }>>} scale
 * @param {number} share
 * @returns {Shades}
 */
function shades({ light, dark }, share) {
  return { light: between(light, share), dark: between(dark, share) };
}

/**
 * @param {{ from: Colour, to: Colour }} ends
 * @param {number} share
 */
function between({ from, to }, share) {
  /** @param {keyof Colour} key */
  const mix = key => Number((from[key] + share * (to[key] - from[key])).toFixed(4));
  return `oklch(${mix('lightness')} ${mix('chroma')} ${mix('hue')})`;
}

/**
 * @param {number} lightness
 * @param {number} chroma
 * @param {number} hue
 * @returns {Colour}
 */
function colour(lightness, chroma, hue) {
  return { lightness, chroma, hue };
}
