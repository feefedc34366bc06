import { invalidRequest, KvasirError } from '#errors.js';
import { endOfString, keepJsonForms } from '#json-forms.js';
import { LONG_NUMBER, parseLongNumbers } from './long-numbers.js';

/**
 * Deepest JSON: what walks it recursively would otherwise run out of stack. Schemas and messages of people
 * are some dozen deep.
 */
export const MAX_JSON_DEPTH = 256;

/** Most lists and objects: they take the most time and memory for each byte. */
export const MAX_JSON_LISTS = 250_000;

/** Most keys of all objects together: each may be a new name, and change the shape of what has it. */
export const MAX_JSON_KEYS = 50_000;

/** Most values of all lists and objects together: about what 4 MiB of numbers are. Texts may be longer than that. */
export const MAX_JSON_VALUES = 2 ** 21 + 2 ** 16;

/** JSON of a client, and how many values it has. */
export interface ParsedJson {
  readonly value: unknown;
  /** Values of its lists and objects, about. */
  readonly count: number;
}

/**
 * Parses JSON that a client has written, whether it is a body or a text within one. Members may have any
 * name: `__proto__` is one of the object's own, so whoever copies members must define them, not assign them.
 * Digits that numbers lose are kept, see `exact-numbers.ts`.
 *
 * @param what it is called in refusals.
 * @throws KvasirError `invalid_request` where it is no JSON, deeper than {@link MAX_JSON_DEPTH}, or of more
 * lists, objects, keys or values than the limits above
 */
export function parseJson(text: string, what: string): ParsedJson {
  return parseJsonIfAny(text, what) ?? refuse(`${what} is not valid JSON`);
}

/** As {@link parseJson}. @returns undefined where it is no JSON */
export function parseJsonIfAny(text: string, what: string): ParsedJson | undefined {
  const { count, hasLongNumbers } = measure(text, what);
  let value: unknown;
  try {
    value = hasLongNumbers ? parseLongNumbers(text) : (JSON.parse(text) as unknown);
  } catch {
    return undefined;
  }
  if (mayBePrinted(text, value)) keepJsonForms(text, value);
  return { value, count };
}

/** Characters of a text that may be looked through twice whatever it is. */
const SHORT = 65_536;

/** Whether a chat template may print it, which prints numbers as they were written. */
function mayBePrinted(text: string, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return text.length <= SHORT || 'messages' in value || 'tools' in value;
}

/** As `parseJson`, for a field: refusals name it. */
export function parseJsonField(text: string, param: string): unknown {
  try {
    return parseJson(text, param).value;
  } catch (error) {
    throw invalidRequest(param, (error as Error).message);
  }
}

const QUOTE = 0x22;

/**
 * Counts values and brackets, without taking any stack, and looks for long numbers. What is no JSON is counted as well as may be: it is
 * refused later.
 */
function measure(text: string, what: string): { count: number; hasLongNumbers: boolean } {
  let depth = 0;
  let lists = 0;
  let keys = 0;
  let commas = 0;
  let hasLongNumbers = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = endOfString(text, i);
    else if (code === 0x2c) {
      if (++commas > MAX_JSON_VALUES) refuse(`${what} has more than ${MAX_JSON_VALUES} values`);
    } else if (code >= 0x30 && code <= 0x39) {
      const start = i;
      while (isOfNumber(text.charCodeAt(i + 1))) i++;
      if (i + 1 - start >= LONG_NUMBER) hasLongNumbers = true;
    } else if (code === 0x5b || code === 0x7b) {
      if (++depth > MAX_JSON_DEPTH) refuse(`${what} is more than ${MAX_JSON_DEPTH} lists and objects deep`);
      if (++lists > MAX_JSON_LISTS) refuse(`${what} has more than ${MAX_JSON_LISTS} lists and objects`);
    } else if (code === 0x5d || code === 0x7d) depth--;
    else if (code === 0x3a && ++keys > MAX_JSON_KEYS) refuse(`${what} has more than ${MAX_JSON_KEYS} keys`);
  }
  return { count: commas + lists + 1, hasLongNumbers };
}

/** Digits, points, exponents and their signs. */
function isOfNumber(code: number): boolean {
  return (
    (code >= 0x30 && code <= 0x39) ||
    code === 0x2e ||
    code === 0x65 ||
    code === 0x45 ||
    code === 0x2b ||
    code === 0x2d
  );
}

function refuse(message: string): never {
  throw new KvasirError('invalid_request', message);
}
