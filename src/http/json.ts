import { invalidRequest, KvasirError } from '#errors.js';
import { keepJsonForms } from '#json-forms.js';

/**
 * Deepest JSON: what walks it recursively would otherwise run out of stack. Schemas and messages of people
 * are some dozen deep.
 */
export const MAX_JSON_DEPTH = 256;

/** Most lists and objects: they take the most time and memory for each byte. */
export const MAX_JSON_LISTS = 250_000;

/** Most keys of all objects together: each may be a new name, and change the shape of what has it. */
export const MAX_JSON_KEYS = 50_000;

/** JSON of a client, and how many values it has. */
export interface ParsedJson {
  readonly value: unknown;
  /** Values of its lists and objects, about. */
  readonly count: number;
}

/**
 * Parses JSON that a client has written, whether it is a body or a text within one.
 *
 * @param what it is called in refusals.
 * @throws KvasirError `invalid_request` where it is no JSON, deeper than {@link MAX_JSON_DEPTH}, of more
 * lists, objects or keys than the limits above, or has a key that changes prototypes
 */
export function parseJson(text: string, what: string): ParsedJson {
  const count = measure(text, what);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    refuse(`${what} is not valid JSON`);
  }
  if (SUSPECT.test(text)) refusePrototypes(value, what);
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
const BACKSLASH = 0x5c;

/**
 * Counts values and brackets, without taking any stack. What is no JSON is counted as well as may be: it is
 * refused later.
 */
function measure(text: string, what: string): number {
  let depth = 0;
  let lists = 0;
  let keys = 0;
  let commas = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = endOfString(text, i);
    else if (code === 0x2c) commas++;
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > MAX_JSON_DEPTH) refuse(`${what} is more than ${MAX_JSON_DEPTH} lists and objects deep`);
      if (++lists > MAX_JSON_LISTS) refuse(`${what} has more than ${MAX_JSON_LISTS} lists and objects`);
    } else if (code === 0x5d || code === 0x7d) depth--;
    else if (code === 0x3a && ++keys > MAX_JSON_KEYS) refuse(`${what} has more than ${MAX_JSON_KEYS} keys`);
  }
  return commas + lists + 1;
}

/** @returns the place of the quote that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}

/** Texts that may have `__proto__` or `constructor` as a key, in any spelling of JSON. */
const SUSPECT = new RegExp(`"(?:${['__proto__', 'constructor'].map(escapable).join('|')})"\\s*:`, 'i');

/** Each character as it is, or as `\u005f`. */
function escapable(key: string): string {
  return [...key].map(c => `(?:${c}|\\\\u00${c.charCodeAt(0).toString(16)})`).join('');
}

/**
 * A key `__proto__`, or a `prototype` in a `constructor`, would become the prototype of whatever copies the
 * object without care.
 */
function refusePrototypes(root: unknown, what: string): void {
  const pending = [root];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    const key = Object.hasOwn(value, '__proto__')
      ? '__proto__'
      : hasPrototype(value)
        ? 'constructor.prototype'
        : undefined;
    if (key !== undefined) refuse(`${what} must not have a key ${JSON.stringify(key)}`);
    for (const child of Object.values(value) as unknown[]) if (typeof child === 'object') pending.push(child);
  }
}

function hasPrototype(value: object): boolean {
  const inner: unknown = Object.hasOwn(value, 'constructor') ? value.constructor : undefined;
  return typeof inner === 'object' && inner !== null && Object.hasOwn(inner, 'prototype');
}

function refuse(message: string): never {
  throw new KvasirError('invalid_request', message);
}
