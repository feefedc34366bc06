import fc from 'fast-check';

/** A JSON Schema as the OpenAPI document has it. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
}

/** Texts that somebody might send: words, markup of chats, other scripts, things that break careless code. */
const TEXTS = [
  'abc',
  'Once upon a time',
  '',
  ' ',
  'é日本語🦊',
  'e\u0301',
  '<|im_end|>',
  '</s><s>',
  '{{ messages }}',
  '{"a": 1}',
  'a{0,9}',
  'data: [DONE]\n\n',
  '\r\nx-injected: 1',
  '\u0000\u2028\ufeff',
  '\ud800',
  '[MASK] [SEP] [CLS]',
  'https://example.com/image.png',
];

const text = fc.oneof(
  { weight: 1, arbitrary: fc.constant('a [MASK] b') },
  { weight: 4, arbitrary: fc.constantFrom(...TEXTS) },
  { weight: 1, arbitrary: fc.string({ maxLength: 30 }) },
);

/** Inputs of an encoder that is called with tensors: token ids, and perhaps a mask. */
export const encoderTensors: fc.Arbitrary<unknown> = fc
  .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 8 }), fc.boolean())
  .chain(([rows, length, masked]): fc.Arbitrary<unknown> => {
    const size = rows * length;
    const tensor = (name: string, value: fc.Arbitrary<number>): fc.Arbitrary<object> =>
      fc
        .array(value, { minLength: size, maxLength: size })
        .map(data => ({ name, datatype: 'INT64', shape: [rows, length], data }));
    const ids = tensor('input_ids', fc.nat(20));
    return masked ? fc.tuple(ids, tensor('attention_mask', fc.constant(1))) : fc.tuple(ids);
  });

/** Fields that most requests need, although their schemas do not say so. */
const WANTED = new Set(['content', 'input', 'text_1', 'text_2']);

/** How deep generated values may be nested. */
const DEEPEST = 6;

/** Makes bodies for the operations of an OpenAPI document. */
export class BodyFactory {
  readonly #schemas: Readonly<Record<string, JsonSchema>>;
  readonly #special: Readonly<Record<string, fc.Arbitrary<unknown>>>;

  /**
   * @param schemas the document's components.
   * @param model the name of a model that can do what is asked.
   * @param others names of other models that are served.
   * @param fields values for fields whose schemas do not tell what is right.
   */
  constructor(
    schemas: Readonly<Record<string, JsonSchema>>,
    model: string,
    others: readonly string[],
    fields: Readonly<Record<string, fc.Arbitrary<unknown>>> = {},
  ) {
    this.#schemas = schemas;
    const few = fc.constantFrom(1, 2, 3);
    const tokens = fc.integer({ min: 1, max: 24 });
    this.#special = {
      model: fc.oneof(
        { weight: 30, arbitrary: fc.constant(model) },
        { weight: 2, arbitrary: fc.constantFrom(...others) },
        { weight: 1, arbitrary: fc.constantFrom('nobody', '', '__proto__', '../etc/passwd') },
      ),
      // What would only take long.
      n: few,
      best_of: few,
      max_tokens: tokens,
      max_completion_tokens: tokens,
      max_output_tokens: tokens,
      ...fields,
    };
  }

  /** Values that fit a schema, or nearly so: patterns and formats are not looked at. */
  valid(schema: JsonSchema, depth = 0): fc.Arbitrary<unknown> {
    if (schema.$ref !== undefined) return this.valid(this.#resolve(schema.$ref), depth);
    const { anyOf, oneOf, allOf, enum: values } = schema;
    const members = anyOf ?? oneOf;
    if ('const' in schema) return fc.constant(schema.const);
    if (values !== undefined) return fc.constantFrom(...values);
    if (members !== undefined) return fc.oneof(...members.map(member => this.valid(member, depth)));
    if (allOf !== undefined)
      return fc
        .tuple(...allOf.map(part => this.valid(part, depth)))
        .map(parts => Object.assign({}, ...parts) as unknown);
    const types = [schema.type ?? []].flat();
    if (types.length === 0) return depth > DEEPEST ? fc.constant(null) : fc.jsonValue({ maxDepth: 2 });
    return fc.oneof(...types.map(type => this.#ofType(type, schema, depth)));
  }

  /**
   * Bodies as text: valid ones, and such with a few changes that somebody's mistake or ill will could make.
   */
  bodies(schema: JsonSchema): fc.Arbitrary<string> {
    const valid = this.valid(schema);
    const mutated = fc
      .tuple(valid, fc.array(mutation, { minLength: 1, maxLength: 3 }))
      .map(([value, mutations]) => JSON.stringify(mutations.reduce(mutate, value)) ?? 'null');
    return fc.oneof(
      { weight: 10, arbitrary: valid.map(value => JSON.stringify(value)) },
      { weight: 10, arbitrary: mutated },
      { weight: 1, arbitrary: damaged(mutated) },
    );
  }

  #resolve(reference: string): JsonSchema {
    const schema = this.#schemas[reference.split('/').at(-1)!];
    if (schema === undefined) throw new Error(`the document has no ${reference}`);
    return schema;
  }

  #ofType(type: string, schema: JsonSchema, depth: number): fc.Arbitrary<unknown> {
    switch (type) {
      case 'null':
        return fc.constant(null);
      case 'boolean':
        return fc.boolean();
      case 'integer':
        return this.#number(schema).map(Math.round);
      case 'number':
        return this.#number(schema);
      case 'string':
        return text.map(value => value.padEnd(schema.minLength ?? 0, 'x'));
      case 'array':
        return fc.array(this.valid(schema.items ?? {}, depth + 1), {
          minLength: schema.minItems ?? 0,
          maxLength: Math.max(schema.minItems ?? 0, Math.min(schema.maxItems ?? 3, depth > DEEPEST ? 0 : 3)),
        });
      default:
        return this.#object(schema, depth);
    }
  }

  #number({ minimum, exclusiveMinimum, maximum }: JsonSchema): fc.Arbitrary<number> {
    const low = minimum ?? (exclusiveMinimum === undefined ? -10 : exclusiveMinimum + 0.001);
    const high = maximum ?? Math.max(low, 0) + 100;
    const from = Math.max(low, -1000);
    const to = Math.min(high, from + 2000);
    return fc.oneof(
      fc.constantFrom(from, to),
      fc.integer({
        min: Math.ceil(from),
        max: Math.max(Math.ceil(from), Math.floor(Math.min(to, from + 8))),
      }),
      fc.double({ min: from, max: to, noNaN: true }),
    );
  }

  #object(schema: JsonSchema, depth: number): fc.Arbitrary<unknown> {
    const { properties = {}, required = [], additionalProperties, patternProperties } = schema;
    const names = Object.keys(properties);
    const [open] = Object.values(patternProperties ?? {});
    const others = open ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined);
    if (names.length === 0) {
      if (depth > DEEPEST) return fc.constant({});
      const values = others === undefined ? fc.jsonValue({ maxDepth: 1 }) : this.valid(others, depth + 1);
      return fc.dictionary(fc.oneof(text, fc.nat(300).map(String)), values, { maxKeys: 3 });
    }
    // One in eight of the fields that may be left out, so that what excludes one another is seldom together;
    // inside of them half.
    const chosen = fc.tuple(...names.map(() => fc.nat(depth === 0 ? 7 : 1)));
    return chosen.chain(draws => {
      const present = names.filter(
        (name, i) => required.includes(name) || WANTED.has(name) || (depth <= DEEPEST && draws[i] === 0),
      );
      return fc.record(
        Object.fromEntries(
          present.map(name => [
            name,
            (depth === 0 ? this.#special[name] : undefined) ?? this.valid(properties[name]!, depth + 1),
          ]),
        ),
      );
    });
  }
}

interface Mutation {
  readonly kind: 'replace' | 'remove' | 'add' | 'wrap';
  /** Which child to go to at each level; the last is the one to change. */
  readonly path: readonly number[];
  readonly value: unknown;
  readonly key: string;
}

/** Values that do not belong where they are put. */
const HOSTILE: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  0.5,
  1e308,
  2 ** 53,
  -(2 ** 31) - 1,
  '',
  'x'.repeat(3000),
  '\ud800',
  '\r\n\r\nHTTP/1.1 200 OK',
  [],
  {},
  [[[[[[[[[[[[]]]]]]]]]]]],
  Array.from({ length: 300 }, (_, i) => i),
  { constructor: { prototype: { polluted: true } } },
  // As JSON.parse makes it: a key of its own.
  JSON.parse('{"__proto__": {"polluted": true}}'),
  JSON.parse(`${'{"a":'.repeat(200)}1${'}'.repeat(200)}`),
];

const KEYS = ['__proto__', 'constructor', 'prototype', 'toString', 'length', 'model', 'stream', '', '\n'];

const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom('replace', 'replace', 'remove', 'add', 'wrap'),
  path: fc.array(fc.nat(20), { minLength: 1, maxLength: 4 }),
  value: fc.constantFrom(...HOSTILE),
  key: fc.constantFrom(...KEYS),
});

function mutate(value: unknown, { kind, path, value: hostile, key }: Mutation): unknown {
  const [step, ...rest] = path;
  if (typeof value !== 'object' || value === null || step === undefined)
    return kind === 'wrap' ? [value] : hostile;
  const entries = Object.entries(value);
  const target = entries.length === 0 ? -1 : step % entries.length;
  let changed: [string, unknown][];
  if (rest.length > 0 && target >= 0) {
    changed = entries.map(([name, child], i) =>
      i === target ? [name, mutate(child, { kind, path: rest, value: hostile, key })] : [name, child],
    );
  } else if (kind === 'remove') {
    changed = entries.filter((_, i) => i !== target);
  } else if (kind === 'add') {
    changed = [...entries, [key, hostile]];
  } else {
    changed = entries.map(([name, child], i) =>
      i === target ? [name, kind === 'wrap' ? [child] : hostile] : [name, child],
    );
  }
  if (Array.isArray(value)) return changed.map(([, child]) => child);
  // Object.fromEntries makes `__proto__` a key of its own.
  return Object.fromEntries(changed);
}

/** Text that is JSON no more. */
function damaged(bodies: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(bodies, fc.nat(), fc.constantFrom('cut', 'twice', 'noise', 'mark'))
    .map(([body, at, how]) => {
      const place = at % Math.max(1, body.length);
      if (how === 'cut') return body.slice(0, place);
      if (how === 'twice') return body + body;
      if (how === 'mark') return `\ufeff${body}`;
      return `${body.slice(0, place)}\u0000}${body.slice(place)}`;
    });
}
