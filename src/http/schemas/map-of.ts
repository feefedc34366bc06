import { Type, type Static, type TSchema, type TUnsafe } from 'typebox';

/**
 * A map with any texts as its keys.
 *
 * Unlike `Type.Record`, which describes keys by a pattern: a key with a line break does not match it, so
 * that its value would be neither checked in a request nor written in an answer.
 *
 * @param value the schema of each value.
 */
export function mapOf<T extends TSchema>(value: T, options: object = {}): TUnsafe<Record<string, Static<T>>> {
  return Type.Unsafe<Record<string, Static<T>>>({ type: 'object', additionalProperties: value, ...options });
}
