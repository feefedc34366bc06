import fc from 'fast-check';

type Schema = Record<string, unknown> | boolean;

const key = fc.constantFrom('a', 'b', 'name', 'x y', 'é"\\', '__proto_', 'constructor');

const number = fc
  .record({
    type: fc.constantFrom('integer', 'number'),
    minimum: fc.option(fc.integer({ min: -1200, max: 1200 }), { nil: undefined }),
    span: fc.option(fc.integer({ min: 1, max: 5000 }), { nil: undefined }),
    exclusive: fc.boolean(),
    scale: fc.constantFrom(1, 4, 100),
    multipleOf: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined, freq: 6 }),
  })
  .map(({ type, minimum, span, exclusive, scale, multipleOf }): Schema => {
    const low = minimum === undefined ? undefined : minimum / scale;
    // Wide enough for a multiple.
    const high = span === undefined ? undefined : (low ?? 0) + span + 25;
    return {
      type,
      ...(low !== undefined && { [exclusive ? 'exclusiveMinimum' : 'minimum']: low }),
      ...(high !== undefined && { [exclusive ? 'exclusiveMaximum' : 'maximum']: high }),
      ...(multipleOf !== undefined && { multipleOf }),
    };
  });

const string = fc.oneof(
  fc
    .record({ min: fc.nat(6), span: fc.option(fc.nat(40), { nil: undefined }) })
    .map(({ min, span }): Schema => ({
      type: 'string',
      ...(min > 0 && { minLength: min }),
      ...(span !== undefined && { maxLength: min + span }),
    })),
  fc
    .constantFrom(
      '^[a-z]{2,5}$',
      'ab|c',
      '^(?:\\d{3}-)?\\d{4}$',
      '[^a]\\s',
      '^é+$',
      '"\\\\',
      '\\p{Lu}$',
      '^$|^x',
    )
    .map((pattern): Schema => ({ type: 'string', pattern })),
  fc
    .constantFrom(
      'date',
      'time',
      'date-time',
      'duration',
      'uuid',
      'email',
      'hostname',
      'ipv4',
      'ipv6',
      'uri',
      'json-pointer',
      'byte',
    )
    .map((format): Schema => ({ type: 'string', format })),
  fc.constant<Schema>({ type: 'string', pattern: '^[a-c]+$', minLength: 2, maxLength: 4 }),
);

const leaf = fc.oneof(
  number,
  string,
  fc.constantFrom<Schema>(
    { type: 'boolean' },
    { type: 'null' },
    { const: 'fixed "text"\n' },
    { const: { a: [1, null], é: 2.5 } },
    { enum: ['red', 1, null, true, [1, 'two']] },
    { type: 'string', enum: ['red', 5, 'green'] },
    { type: ['string', 'null'] },
    true,
    {},
  ),
);

/** Random schemas of the kinds that structured output follows, each with some value that is valid. */
export const schemas: fc.Arbitrary<Schema> = fc.letrec<{ schema: Schema }>(tie => {
  const inner = tie('schema');
  const object = fc
    .record({
      properties: fc.dictionary(key, inner, { maxKeys: 4 }),
      required: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
      additional: fc.option(fc.oneof(fc.constant(false), inner), { nil: undefined }),
      min: fc.constantFrom(0, 0, 1, 2),
      max: fc.option(fc.nat(3), { nil: undefined, freq: 4 }),
      pattern: fc.option(inner, { nil: undefined, freq: 5 }),
      names: fc.option(fc.constant({ type: 'string', maxLength: 20 }), { nil: undefined, freq: 5 }),
    })
    .map(({ properties, required, additional, min, max, pattern, names }): Schema => {
      const keys = Object.keys(properties);
      const needed = keys.filter((_, i) => required[i]);
      const least = Math.min(min, keys.length);
      return {
        type: 'object',
        properties,
        ...(needed.length > 0 && { required: needed }),
        ...(additional !== undefined && { additionalProperties: additional }),
        ...(least > 0 && { minProperties: least }),
        ...(max !== undefined && { maxProperties: Math.max(max, least, needed.length) }),
        ...(pattern !== undefined && { patternProperties: { '^p_': pattern } }),
        ...(names !== undefined && { propertyNames: names }),
      };
    });
  const array = fc
    .record({
      prefix: fc.array(inner, { maxLength: 2 }),
      items: fc.option(inner, { nil: undefined }),
      min: fc.nat(3),
      span: fc.option(fc.nat(3), { nil: undefined }),
    })
    .map(({ prefix, items, min, span }): Schema => ({
      type: 'array',
      ...(prefix.length > 0 && { prefixItems: prefix }),
      ...(items !== undefined && { items }),
      ...(min > 0 && { minItems: min }),
      ...(span !== undefined && { maxItems: min + span }),
    }));
  const combined = fc.oneof(
    fc.array(inner, { minLength: 1, maxLength: 3 }).map((anyOf): Schema => ({ anyOf })),
    fc.tuple(inner, inner).map(([a, b]): Schema => ({
      oneOf: [
        { type: 'object', properties: { kind: { const: 'a' }, value: a }, required: ['kind', 'value'] },
        { type: 'object', properties: { kind: { const: 'b' }, value: b }, required: ['kind'] },
      ],
    })),
    fc.tuple(inner, inner).map(([a, b]): Schema => ({
      allOf: [
        { type: 'object', properties: { left: a }, required: ['left'] },
        { type: 'object', properties: { right: b } },
      ],
    })),
    inner.map((value): Schema => ({
      $defs: {},
      type: 'object',
      properties: { value, next: { anyOf: [{ type: 'null' }, { $ref: '#' }] } },
      required: ['next'],
    })),
  );
  return { schema: fc.oneof({ depthSize: 'small', withCrossShrink: true }, leaf, object, array, combined) };
}).schema;
