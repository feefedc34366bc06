import type { OpenApiDocument } from './fuzz.js';
import type { LargeBody } from './large-bodies.js';
import { BODY_LIMIT, nested } from './large-values.js';
import { kinds, positions, smallest, type Position, type Schemas } from './schema-positions.js';

/** Stands in a body where the large value is put. */
const MARK = '\u2603';

/**
 * For every route of a document, the example of its body with one place made as large or as deep as a body may be, for each place and
 * each kind of value that its schema has.
 *
 * @param modelOf the model that can do what a route is for.
 */
export function enlargedBodies(document: OpenApiDocument, modelOf: (route: string) => string): LargeBody[] {
  const { schemas } = document.components;
  const bodies = new Map<string, LargeBody>();
  for (const [route, { post }] of Object.entries(document.paths)) {
    const schema = post?.requestBody?.content['application/json']?.schema;
    if (schema === undefined) continue;
    const model = modelOf(route);
    const path = route.replace(/\{\w+\}/g, model);
    const [body] = kinds(schema, schemas) as [{ examples?: readonly object[] }];
    const example = { ...body.examples?.[0], model, max_tokens: 1 };
    for (const position of positions(schema, schemas)) {
      const place = position.path.join('.').replaceAll('.[]', '[]');
      const text = JSON.stringify(placed(example, position, schemas));
      for (const [kind, value] of Object.entries(largeValues(position, schemas))) {
        const name = `${place}: ${kind}`;
        bodies.set(`${route} ${name}`, { name, path, body: () => text.replace(`"${MARK}"`, value) });
      }
    }
  }
  return [...bodies.values()];
}

/** The example with the mark at a place; what is missing on the way is made as small as may be. */
function placed(value: unknown, { path, owners }: Omit<Position, 'schema'>, schemas: Schemas): unknown {
  const [key, ...keys] = path;
  const [owner, ...rest] = owners;
  if (key === undefined || owner === undefined) return MARK;
  const inside = { path: keys, owners: rest };
  if (key === '[]') {
    const [first, ...others] = Array.isArray(value) ? (value as unknown[]) : [];
    return [placed(first, inside, schemas), ...others];
  }
  const given = typeof value === 'object' && !Array.isArray(value) ? value : undefined;
  const object = (given ?? smallest(owner, schemas)) as Readonly<Record<string, unknown>>;
  return { ...object, [key]: placed(object[key], inside, schemas) };
}

type Values = Readonly<Record<string, () => string>>;

/** What is large at a place. Numbers, choices, and texts that are bounded to a line, cannot be. */
function largeValues({ schema }: Position, schemas: Schemas): Values {
  const { type, items, maxItems = Infinity, maxLength = Infinity, properties } = schema;
  if (schema.enum !== undefined || 'const' in schema) return {};
  if (type === 'string') return maxLength < 4096 ? {} : longTexts(Math.min(BODY_LIMIT, maxLength));
  if (type === 'array') return longLists(JSON.stringify(smallest(items ?? {}, schemas)), maxItems);
  if (type !== undefined && (type !== 'object' || properties !== undefined)) return {};
  return {
    'objects in objects': () => nested(BODY_LIMIT / 6, '{"a":', '1', '}'),
    'a long text within objects': () => nested(200, '{"a":', `"${repeated('a', BODY_LIMIT - 2048)}"`, '}'),
    'many keys': () => `{${Array.from({ length: 99_000 }, (_, i) => `"k${i}":${i}`).join()}}`,
    'many lists': () => `[${repeated('[],', 3 * 248_000)}[]]`,
    'many numbers': () => `[${repeated('1,', BODY_LIMIT - 2)}1]`,
  };
}

const longTexts = (bytes: number): Values => ({
  'one letter': () => `"${repeated('a', bytes)}"`,
  words: () => `"${repeated('hello world ', bytes)}"`,
});

function longLists(item: string, maxItems: number): Values {
  const fits = Math.floor(BODY_LIMIT / (item.length + 1));
  const list = (length: number): string => `[${`${item},`.repeat(length - 1)}${item}]`;
  return {
    'as many items as fit': () => list(fits),
    ...(maxItems < fits && { 'as many items as allowed': () => list(maxItems) }),
    'lists in lists': () => nested(BODY_LIMIT / 2, '[', '', ']'),
  };
}

const repeated = (unit: string, bytes: number): string => unit.repeat(bytes / unit.length);
