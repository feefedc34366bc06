/**
 * The digits of numbers in a client's JSON that a double does not keep, such as seeds and constants of 64
 * bits. They are kept beside the parsed value, which has the nearest double, by the object or list that the
 * number stands in.
 */
const kept = new WeakMap<object, Map<string, string>>();

/** Notes how a number was written. @param key of the member, or the index in a list */
export function keepDigits(container: object, key: string, digits: string): void {
  let digitsOfKeys = kept.get(container);
  if (digitsOfKeys === undefined) kept.set(container, (digitsOfKeys = new Map<string, string>()));
  digitsOfKeys.set(key, digits);
}

/** @returns how a number was written, where the double has lost digits. */
export function digitsOf(container: object, key: string): string | undefined {
  return kept.get(container)?.get(key);
}

/** All that {@link digitsOf} knows of an object or a list. */
export function allDigitsOf(container: object): ReadonlyMap<string, string> | undefined {
  return kept.get(container);
}

/** Keeps for a copy of an object or a list what is kept for the original. @returns the copy */
export function withDigitsOf<T extends object>(original: object, copy: T): T {
  const digits = kept.get(original);
  if (digits !== undefined) kept.set(copy, digits);
  return copy;
}
