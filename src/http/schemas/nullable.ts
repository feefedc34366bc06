import { Type, type Static, type TOptional, type TSchema, type TUnsafe } from 'typebox';

/** A field that may be left out or be null, which mean the same. */
export function nullable<T extends TSchema>(schema: T): TOptional<TUnsafe<Static<T> | null>> {
  const { type, anyOf } = schema as { type?: string; anyOf?: readonly object[] };
  const widened =
    anyOf === undefined
      ? { ...schema, type: [type, 'null'] }
      : { ...schema, anyOf: [...anyOf, { type: 'null' }] };
  return Type.Optional(Type.Unsafe<Static<T> | null>(widened));
}

/** A schema with a description of what it is for in this place. */
export function described<T extends TSchema>(schema: T, description: string): T {
  return { ...schema, description };
}

/** A field that is one of several words, and may be left out or be null. */
export function nullableEnum<T extends string>(
  values: readonly T[],
  options: { readonly default: T; readonly description: string },
): TOptional<TUnsafe<T | null>> {
  return Type.Optional(
    Type.Unsafe<T | null>({ type: ['string', 'null'], enum: [...values, null], ...options }),
  );
}
