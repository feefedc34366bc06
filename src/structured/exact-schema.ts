import { allDigitsOf } from '#exact-numbers.js';
import { Refusal } from './refusal.js';
import { child } from './schema-document.js';
import { checkSize } from './size.js';

/** A double is less than ten to the power of 309. */
const MOST_DIGITS = 310;

/**
 * A schema in which whole numbers that a double does not keep are of type `bigint`, with the digits that the
 * client wrote.
 *
 * @returns the schema itself where it has none.
 * @throws Refusal where the schema is too large, or a number has more digits than can be kept
 */
export function exactSchema(schema: unknown): unknown {
  checkSize(schema);
  return exact(schema, '');
}

function exact(value: unknown, pointer: string): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const digits = allDigitsOf(value);
  let isChanged = false;
  const members = Object.entries(value).map(([key, member]): [string, unknown] => {
    const place = child(pointer, key);
    const written = digits?.get(key);
    const kept = written === undefined ? exact(member, place) : wholeNumber(written, place);
    isChanged ||= kept !== member;
    return [key, kept];
  });
  if (!isChanged) return value;
  return Array.isArray(value) ? members.map(([, member]) => member) : Object.fromEntries(members);
}

function wholeNumber(digits: string, pointer: string): bigint {
  if (digits.length <= MOST_DIGITS && /^-?\d+$/.test(digits)) return BigInt(digits);
  throw new Refusal(pointer, `${digits.slice(0, 80)} has more digits than can be kept`);
}
