/** How pieces spell a space: U+2581. */
export const SPACE_CHARACTER = '▁';

/** The same in UTF-8. */
export const SPACE_SYMBOL = new TextEncoder().encode(SPACE_CHARACTER);
