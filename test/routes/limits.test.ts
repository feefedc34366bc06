import t from 'tap';
import { Registry } from '#registry/registry.js';
import { createServer } from '#server.js';

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

interface Operation {
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}

/** A value that breaks one limit: where it does, and what has to be said of it. */
interface Violation {
  readonly path: string;
  readonly value: unknown;
  readonly limit: string;
}

const app = await createServer({ registry: new Registry([]) });
await app.ready();
t.teardown(() => app.close());
const { paths, components } = app.swagger() as unknown as {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
};

function resolved(schema: Schema): Schema {
  return schema.$ref === undefined ? schema : components.schemas[schema.$ref.split('/').at(-1)!]!;
}

function typeOf({ type }: Schema): string {
  return typeof type === 'string' ? type : (type?.find(one => one !== 'null') ?? '');
}

/** The smallest value that a schema allows. */
function minimal(given: Schema): unknown {
  const schema = resolved(given);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.anyOf !== undefined) return minimal(schema.anyOf[0]!);
  const {
    items = {},
    minItems = 0,
    minLength = 0,
    minimum,
    maximum,
    properties = {},
    required = [],
  } = schema;
  switch (typeOf(schema)) {
    case 'string':
      return 'a'.repeat(minLength);
    case 'integer':
    case 'number':
      return minimum ?? Math.min(1, maximum ?? 1);
    case 'boolean':
      return true;
    case 'array':
      return Array.from({ length: minItems }, () => minimal(items));
    case 'object':
      return Object.fromEntries(required.map(name => [name, minimal(properties[name] ?? {})]));
    default:
      return null;
  }
}

/** Values of the right type through and through, each of which breaks one limit somewhere within. */
function* violations(given: Schema, path = ''): Generator<Violation> {
  const schema = resolved(given);
  for (const member of schema.anyOf ?? []) yield* violations(member, path);
  if (schema.enum !== undefined && typeOf(schema) === 'string')
    yield { path, value: 'no such word', limit: JSON.stringify(schema.enum[0]) };
  const { minLength = 0, maxLength, minimum, maximum, minItems = 0, maxItems, items = {} } = schema;
  const { properties = {} } = schema;
  switch (typeOf(schema)) {
    case 'string':
      if (minLength > 0) yield { path, value: 'a'.repeat(minLength - 1), limit: `at least ${minLength} ` };
      if (maxLength !== undefined)
        yield { path, value: 'a'.repeat(maxLength + 1), limit: `at most ${maxLength} ` };
      return;
    case 'integer':
    case 'number':
      if (minimum !== undefined) yield { path, value: minimum - 1, limit: `>= ${minimum}` };
      if (maximum !== undefined && maximum < 1e15) yield { path, value: maximum + 1, limit: `<= ${maximum}` };
      return;
    case 'array':
      if (minItems > 0) yield { path, value: list(items, minItems - 1), limit: `at least ${minItems} ` };
      if (maxItems !== undefined)
        yield { path, value: list(items, maxItems + 1), limit: `at most ${maxItems} ` };
      for (const { value, ...of } of violations(items, `${path}[0]`)) yield { ...of, value: [value] };
      return;
    case 'object': {
      const rest = minimal(schema) as object;
      for (const [name, property] of Object.entries(properties))
        for (const { value, ...of } of violations(property, path === '' ? name : `${path}.${name}`))
          yield { ...of, value: { ...rest, [name]: value } };
    }
  }
}

function list(items: Schema, length: number): unknown[] {
  return new Array<unknown>(length).fill(minimal(items));
}

/** What is said of a body; undefined where the schema takes it, since another member of a union does. */
async function refusal(url: string, payload: unknown): Promise<string | undefined> {
  const headers = { 'content-type': 'application/json' };
  const answer = await app.inject({ method: 'POST', url, headers, payload: JSON.stringify(payload) });
  if (answer.statusCode !== 400 && answer.statusCode !== 413 && answer.statusCode !== 422) return undefined;
  const { error } = answer.json<{ error: string | { message: string } }>();
  return typeof error === 'string' ? error : error.message;
}

let checked = 0;
for (const [path, { post }] of Object.entries(paths)) {
  const schema = post?.requestBody?.content['application/json']?.schema;
  // What is handed on is checked at the address that it is handed to.
  if (schema === undefined || path === '/' || path === '/invocations') continue;
  t.test(`${path}: whatever limit a value breaks, that is what is said`, async t => {
    const url = path.replaceAll(/\{.*?\}/g, 'x');
    for (const violation of violations(schema)) {
      const { value, limit } = violation;
      if (JSON.stringify(value).length > 4e6) continue;
      const message = await refusal(url, value);
      if (message === undefined) continue;
      checked++;
      const place = violation.path;
      t.ok(
        message.startsWith(`${place} `) &&
          (message.includes(limit) || (limit === 'at least 1 ' && message.endsWith('cannot be empty'))),
        `${place}, ${limit}: ${message.slice(0, 200)}`,
      );
    }
  });
}

t.test('there are many limits', async t => {
  t.ok(checked > 150, `${checked}`);
});
