/** As much of an OpenAPI document as is needed. */
interface Document {
  readonly paths?: Readonly<Record<string, object>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

interface Schema {
  readonly $ref?: string;
  readonly title?: string;
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly properties?: Record<string, Schema>;
}

interface MediaType {
  schema?: Schema;
  example?: unknown;
}

interface Body {
  readonly content?: Readonly<Record<string, MediaType>>;
}

interface Operation {
  readonly requestBody?: Body;
  readonly responses?: Readonly<Record<string, Body>>;
}

/**
 * Puts the first example of each body's schema beside the schema, where tools look for it. Of binary bodies,
 * and of files in forms, the schema says what they are: in the routes it must not, since what is validated there
 * is no text.
 *
 * @param openApi a document, which is changed.
 */
export function addExamples(openApi: object): void {
  const document = openApi as Document;
  const schemas = document.components?.schemas ?? {};
  for (const operations of Object.values(document.paths ?? {}))
    for (const { requestBody, responses } of Object.values(operations) as Operation[])
      for (const { content } of [requestBody ?? {}, ...Object.values(responses ?? {})])
        for (const [type, media] of Object.entries(content ?? {})) {
          const { schema = {} } = media;
          const name = schema.$ref?.split('/').at(-1);
          const named = name === undefined ? schema : schemas[name]!;
          const { examples } = named;
          if (type === 'multipart/form-data') sayFiles(named);
          if (media.example === undefined && examples !== undefined) media.example = examples[0];
          if (type === 'application/octet-stream')
            media.schema = { ...schema, type: 'string', format: 'binary' } as Schema;
        }
}

/** @param form a schema, which is changed. */
function sayFiles({ properties = {} }: Schema): void {
  for (const [name, { title, description }] of Object.entries(properties))
    if (title === 'file') properties[name] = { type: 'string', format: 'binary', description } as Schema;
}
