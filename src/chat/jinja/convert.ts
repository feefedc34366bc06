import { jsonNumber } from './numbers.js';
import { Dict, Float, type Value } from './values.js';

/**
 * JSON as JavaScript has it, as a value of a template.
 *
 * @param value of objects, lists, texts, numbers, booleans and null; fields that are undefined are left out.
 */
export function valueOf(value: unknown): Value {
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint') return value;
  if (typeof value === 'number') return jsonNumber(value);
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return value.map(valueOf);
  if (value instanceof Float || value instanceof Dict) return value;
  const dict = new Dict();
  for (const [key, item] of Object.entries(value)) if (item !== undefined) dict.set(key, valueOf(item));
  return dict;
}
