import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { attach } from '../attachments.js';
import { refuseOtherSites } from '../security/other-sites.js';
import { formBody } from './form-values.js';
import { FORM_LIMITS, readForm, type FormEntry } from './multipart.js';
import { UploadedFile } from './uploaded-file.js';

/** Names that clients give to files which are inputs. */
const INPUT_NAMES = /^(images?|files?)(\[\])?$/;

/** A field may be a list of many texts. */
const LIMITS = { ...FORM_LIMITS, fields: 2048, fieldBytes: 4 * 2 ** 20 };

/**
 * Lets the endpoints that are registered after it take forms beside JSON. A file stands for the object
 * `{image: "cid:..."}` in the field that has its name, or, by the names that clients give to pictures, in
 * `input`; other fields may refer to it by `cid:` and its name (RFC 2392).
 *
 * @param corsOrigins origins whose pages may send forms; `*` is all.
 */
export function takePictureForms(app: FastifyInstance, corsOrigins: readonly string[]): void {
  app.addContentTypeParser('multipart/form-data', async (request: FastifyRequest, payload: Readable) => {
    refuseOtherSites(request, corsOrigins);
    const entries = await readForm(request.headers, payload, () => true, LIMITS);
    const renamed = entries.map(([name, value]): FormEntry => {
      const isInput = value instanceof UploadedFile && INPUT_NAMES.test(name);
      return [isInput ? name.replace(INPUT_NAMES, 'input$2') : name, value];
    });
    const names = new Map<UploadedFile, string>();
    for (const [index, [name, value]] of entries.entries())
      if (value instanceof UploadedFile) {
        // Of several files of one name, that name is the first one's.
        const own = entries.findIndex(([other]) => other === name) === index ? name : `${name}#${index}`;
        names.set(value, own);
        attach(request, own, await bytesOf(value));
      }
    const body = formBody(renamed, bodySchema(request));
    return names.size === 0 ? body : references(body, names);
  });
}

/** The schema of a route's body, which its own schema refers to. */
function bodySchema({ routeOptions, server }: FastifyRequest): object {
  const { $ref } = Object(routeOptions.schema?.body) as { $ref?: string };
  return $ref === undefined ? {} : (server.getSchema($ref) as object);
}

/** A form's values with references in place of files. */
function references(value: unknown, names: ReadonlyMap<UploadedFile, string>): unknown {
  if (value instanceof UploadedFile) return { image: `cid:${names.get(value)}` };
  if (Array.isArray(value)) return value.map(item => references(item, names));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, references(item, names)]));
}

async function bytesOf(file: UploadedFile): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of file) chunks.push(chunk);
  return Buffer.concat(chunks);
}
