import {
  Type,
  type Static,
  type TOptional,
  type TSchema,
  type TUnsafe,
} from '@fastify/type-provider-typebox';

/** A field that may be left out or be null, which mean the same. */
export function nullable<T extends TSchema>(schema: T): TOptional<TUnsafe<Static<T> | null>> {
  const { type, anyOf } = schema as { type?: string; anyOf?: readonly object[] };
  const widened =
    anyOf === undefined
      ? { ...schema, type: [type, 'null'] }
      : { ...schema, anyOf: [...anyOf, { type: 'null' }] };
  return Type.Optional(Type.Unsafe<Static<T> | null>(widened));
}
