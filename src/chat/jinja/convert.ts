import { jsonFormsOf, type JsonForms } from '#json-forms.js';
import { float, int, jsonNumber } from './numbers.js';
import { Dict, type Value } from './values.js';

/**
 * JSON as JavaScript has it, as a value of a template. Numbers are ints or floats as they were written, and
 * keys in the order of the text, where `json-forms.ts` knows.
 *
 * @param value of objects, lists, texts, numbers, booleans and null; fields that are undefined are left out.
 */
export function valueOf(value: unknown): Value {
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint') return value;
  if (typeof value === 'number') return jsonNumber(value);
  if (value === null || value === undefined) return null;
  const forms = jsonFormsOf(value);
  if (Array.isArray(value))
    return value.map((item: unknown, i) =>
      forms === undefined ? valueOf(item) : written(forms, String(i), item),
    );
  const dict = new Dict();
  if (forms === undefined) {
    for (const [key, item] of Object.entries(value)) if (item !== undefined) dict.set(key, valueOf(item));
    return dict;
  }
  const members = value as Readonly<Record<string, unknown>>;
  for (const key of forms.order ?? Object.keys(value)) {
    const item = members[key];
    if (item !== undefined) dict.set(key, written(forms, key, item));
  }
  return dict;
}

function written(forms: JsonForms, key: string, item: unknown): Value {
  const text = typeof item === 'number' ? forms.numbers.get(key) : undefined;
  if (text === undefined) return valueOf(item);
  return /[.eE]/.test(text) ? float(Number(text)) : int(BigInt(text));
}
