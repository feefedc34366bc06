import { readFile } from 'node:fs/promises';
import t from 'tap';
import { fastify } from 'fastify';
import { handleErrors } from '#http/errors/error-handling.js';
import { provideScopes } from '#http/lifecycle/request-scope.js';
import { Registry } from '#registry/registry.js';
import { createServer } from '#server.js';
import { PEER_FIELDS } from '#routes/peer-fields.js';
import { honoured, refused, refuseFields } from '#routes/shared/peer-fields.js';
import { formOf, type FormValues } from '#test/support/audio-form.js';
import { FIELDS_PAGE, fieldsPage } from '#test/support/fields-page.js';

interface Schema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

interface Document {
  readonly paths: Readonly<
    Record<string, { post?: { requestBody?: { content: Record<string, { schema: Schema }> } } }>
  >;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const app = await createServer({ registry: new Registry([]) });
await app.ready();
t.teardown(() => app.close());
const document = app.swagger() as unknown as Document;

/** Whether a schema, or one of the schemas that it is a choice of, has a field. */
function has(schema: Schema, [part, ...rest]: readonly string[]): boolean {
  if (part === undefined) return true;
  if (schema.$ref !== undefined)
    return has(document.components.schemas[schema.$ref.split('/').at(-1)!]!, [part, ...rest]);
  if (schema.anyOf?.some(member => has(member, [part, ...rest]))) return true;
  const field = schema.properties?.[part.replace('[]', '')];
  if (field === undefined) return false;
  return part.endsWith('[]') ? itemsOf(field).some(item => has(item, rest)) : has(field, rest);
}

function itemsOf({ items, anyOf = [] }: Schema): Schema[] {
  return [...(items === undefined ? [] : [items]), ...anyOf.flatMap(itemsOf)];
}

/** A body with one field. */
function bodyWith(path: readonly string[], value: unknown): unknown {
  const [part, ...rest] = path;
  if (part === undefined) return value;
  const inner = bodyWith(rest, value);
  return part.endsWith('[]') ? { [part.slice(0, -2)]: [inner] } : { [part]: inner };
}

/** The schema of what an address takes, and whether that is a form. */
function requestOf(path: string): { schema: Schema | undefined; isForm: boolean } {
  const content = document.paths[path]?.post?.requestBody?.content ?? {};
  const form = content['multipart/form-data'];
  const json = content['application/json'];
  return { schema: (json ?? form)?.schema, isForm: json === undefined && form !== undefined };
}

async function refusal(path: string, body: unknown): Promise<unknown> {
  const payload = requestOf(path).isForm ? formOf(body as FormValues) : (body as object);
  const response = await app.inject({ method: 'POST', url: path, payload });
  const { error } = response.json<{ error: { param: string | null; message: string } }>();
  return { status: response.statusCode, ...error };
}

for (const [path, fields] of Object.entries(PEER_FIELDS)) {
  t.test(path, async t => {
    const names = fields.map(({ name }) => name);
    t.strictSame(
      names.filter((name, index) => names.indexOf(name) !== index),
      [],
      'no field has two verdicts',
    );
    const { schema } = requestOf(path);
    t.ok(schema, 'the route is there');
    for (const { name, verdict, why, neutral } of fields) {
      const parts = name.split('.');
      if (verdict === 'honoured') t.ok(has(schema!, parts), `${name} is in the schema`);
      if (verdict !== 'refused') continue;
      const asking = [true, false, 'x', 7, { x: 1 }].find(value => !neutral!.includes(value));
      const param = name.replaceAll('[]', '[0]');
      t.match(
        await refusal(path, bodyWith(parts, asking)),
        { status: 400, param, message: `${param} is not supported: ${why}` },
        `${name} is refused`,
      );
      for (const value of [null, ...neutral!]) {
        const { message } = (await refusal(path, bodyWith(parts, value))) as { message: string };
        t.notMatch(message, 'is not supported', `${name} may be ${JSON.stringify(value)}`);
      }
    }
  });
}

t.test('fields are looked for where they are', async t => {
  const table = [
    ...honoured(['OpenAI'], 'a'),
    ...refused(['OpenAI'], 'no', ['b.c', 'd[].e', 'f[]'], [false, [], ['x']]),
  ];
  const server = fastify();
  provideScopes(server);
  handleErrors(server);
  server.post('/', { preValidation: refuseFields(table) }, async () => ({ ok: true }));
  t.teardown(() => server.close());
  const param = async (payload: unknown) => {
    const answer = await server.inject({ method: 'POST', url: '/', payload: payload as object });
    return answer.statusCode === 200 ? 'taken' : answer.json<{ error: { param: string } }>().error.param;
  };
  t.equal(await param({ a: 1, b: { c: 1 } }), 'b.c');
  t.equal(await param({ d: [{}, { e: null }, { e: false }, { e: 1 }] }), 'd[3].e');
  t.equal(await param({ f: [null, 'y'] }), 'f[1]');
  for (const body of [
    {},
    [],
    { a: 1, b: null },
    { b: 'c' },
    { b: { c: null } },
    { b: { c: [] } },
    { b: { c: ['x'] } },
    { d: 'e' },
    { d: [null, 1, {}] },
    { f: { c: 1 } },
    { 'b.c': 1 },
  ])
    t.equal(await param(body), 'taken', JSON.stringify(body));
  t.equal(await param({ b: { c: ['x', 'x'] } }), 'b.c');
});

t.test('the page of the documentation is up to date: npm run docs:fields', async t => {
  t.equal(await readFile(FIELDS_PAGE, 'utf8'), await fieldsPage());
});
