/**
 * What a JSON text says and JavaScript's values of it do not: that a whole number is written as a float, such
 * as `1.0`, which digits a long one has, and in which order keys come that are whole numbers. It is kept
 * beside the values, by the object or list that it is of.
 */
export interface JsonForms {
  /** Numbers as they are written, by key or index. */
  readonly numbers: Map<string, string>;
  /** The keys in the order of the text; undefined where it is that of the object. */
  order: readonly string[] | undefined;
}

const kept = new WeakMap<object, JsonForms>();

/** @returns undefined where nothing is kept for the object or list. */
export function jsonFormsOf(value: object): JsonForms | undefined {
  return kept.get(value);
}

/** What texts that need a second look have: floats that may be whole, long numbers, keys of digits. */
const SUSPECT = /\d(?:\.0+(?!\d)|[eE][-+]?\d)|\d{16}|"\d+"\s*:/;

const WHOLE_NUMBER = /^-?\d+$/;
const INDEX = /^\d+$/;

/** Most numbers that are kept for one text: schemas and arguments have few. */
const MOST = 10_000;

/**
 * Keeps the forms of a text's values.
 *
 * @param text valid JSON.
 * @param value what `JSON.parse` gives for it.
 */
export function keepJsonForms(text: string, value: unknown): void {
  if (SUSPECT.test(text)) new FormReader(text).read(value);
}

interface Frame {
  /** Undefined where the value is not the one that JavaScript has, for its key comes again. */
  readonly container: object | undefined;
  readonly keys: string[] | undefined;
  key: string;
  index: number;
  atKey: boolean;
}

class FormReader {
  readonly #text: string;
  readonly #frames: Frame[] = [];
  #count = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(root: unknown): void {
    const text = this.#text;
    for (let i = 0; i < text.length && this.#count < MOST; i++) {
      const frame = this.#frames.at(-1);
      switch (text[i]!) {
        case '"': {
          const end = endOfString(text, i);
          if (frame?.atKey === true) this.#key(frame, text.slice(i, end + 1));
          i = end;
          break;
        }
        case ':':
          frame!.atKey = false;
          break;
        case ',':
          frame!.index++;
          frame!.atKey = frame!.keys !== undefined;
          break;
        case '{':
        case '[': {
          const isObject = text[i] === '{';
          const value = frame === undefined ? root : valueAt(frame);
          const container = typeof value === 'object' && value !== null ? value : undefined;
          const keys = isObject ? [] : undefined;
          this.#frames.push({ container, keys, key: '', index: 0, atKey: isObject });
          break;
        }
        case '}':
        case ']':
          this.#end(this.#frames.pop()!);
          break;
        default: {
          const end = endOfNumber(text, i);
          if (end === i) break;
          if (frame !== undefined) this.#number(frame, text.slice(i, end));
          i = end - 1;
        }
      }
    }
  }

  #key(frame: Frame, text: string): void {
    frame.key = text.includes('\\') ? (JSON.parse(text) as string) : text.slice(1, -1);
    frame.keys!.push(frame.key);
    // The last value of a key counts.
    if (frame.container !== undefined) kept.get(frame.container)?.numbers.delete(frame.key);
  }

  #number({ container, keys, key, index }: Frame, text: string): void {
    const number = Number(text);
    const isPlain = WHOLE_NUMBER.test(text) ? Number.isSafeInteger(number) : !Number.isInteger(number);
    if (isPlain || container === undefined) return;
    this.#count++;
    formsOf(container).numbers.set(keys === undefined ? String(index) : key, text);
  }

  #end({ container, keys }: Frame): void {
    if (container !== undefined && keys?.some(key => INDEX.test(key)) === true)
      formsOf(container).order = [...new Set(keys)];
  }
}

function formsOf(container: object): JsonForms {
  let forms = kept.get(container);
  if (forms === undefined) kept.set(container, (forms = { numbers: new Map(), order: undefined }));
  return forms;
}

function valueAt({ container, keys, key, index }: Frame): unknown {
  if (container === undefined) return undefined;
  const name = keys === undefined ? String(index) : key;
  return Object.hasOwn(container, name) ? (container as Record<string, unknown>)[name] : undefined;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * @returns the place of the quote that ends the string which begins at `start`; the text's length
 * where there is none.
 */
export function endOfString(text: string, start: number): number {
  const next = text.indexOf('"', start + 1);
  if (next < 0) return text.length;
  if (text.charCodeAt(next - 1) !== BACKSLASH) return next;
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) return i;
    if (code === BACKSLASH) i++;
  }
  return text.length;
}

function endOfNumber(text: string, start: number): number {
  const number = /-?\d[\d.eE+-]*/y;
  number.lastIndex = start;
  return number.test(text) ? number.lastIndex : start;
}

/** Forms of a value and all that is in it, each with the keys that lead there: they can be sent elsewhere. */
export type PortableForms = readonly (readonly [path: readonly string[], forms: JsonForms])[];

/** The forms that are kept for a value and what is in it. */
export function collectJsonForms(root: object): PortableForms {
  const found: [string[], JsonForms][] = [];
  const pending: [object, string[]][] = [[root, []]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [value, path] = next;
    const forms = kept.get(value);
    if (forms !== undefined) found.push([path, forms]);
    const visit = (child: unknown, key: string | number): void => {
      if (typeof child === 'object' && child !== null) pending.push([child, [...path, String(key)]]);
    };
    // A list may have a million numbers.
    if (Array.isArray(value)) value.forEach(visit);
    else for (const [key, child] of Object.entries(value)) visit(child, key);
  }
  return found;
}

/** Keeps forms for a copy of the value that they were collected of. */
export function restoreJsonForms(root: object, forms: PortableForms): void {
  for (const [path, form] of forms) {
    let value = root as Record<string, unknown>;
    for (const key of path) value = value[key] as Record<string, unknown>;
    kept.set(value, form);
  }
}
