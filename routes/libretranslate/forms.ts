import type { FastifyRequest } from 'fastify';
import { MAX_INPUTS } from '#api/encoding/inputs.js';
import { KvasirError } from '#errors.js';
import type { App } from '#http/app.js';
import { refuseOtherSites } from '#http/security/other-sites.js';

const TYPES = ['application/x-www-form-urlencoded', 'multipart/form-data'];

/** What bodies may be. */
export const CONSUMES = ['application/json', ...TYPES];

/** What there is as often as there are fields in a form of each kind, or one time less. */
const MARKS = { urlencoded: /&/g, multipart: /^content-disposition:/gim };

/** Most fields of a form. */
const MAX_FIELDS = MAX_INPUTS + 16;

/**
 * Reads forms as if they were JSON, since LibreTranslate's clients send both: `q` may be there several times.
 *
 * @param corsOrigins origins whose pages may send forms; `*` is all.
 */
export function readForms(app: App, corsOrigins: readonly string[]): void {
  app.addContentTypeParser(TYPES, { parseAs: 'buffer' }, async (request: FastifyRequest, body: Buffer) => {
    refuseOtherSites(request, corsOrigins);
    return formFields(request.headers['content-type']!, body);
  });
}

async function formFields(type: string, body: Buffer): Promise<Readonly<Record<string, unknown>>> {
  const marks = type.startsWith('multipart') ? MARKS.multipart : MARKS.urlencoded;
  let count = 0;
  for (const _ of body.toString('latin1').matchAll(marks))
    if (++count > MAX_FIELDS)
      throw new KvasirError('invalid_request', `the form has more than ${MAX_FIELDS} fields`);
  const form = await new Response(body, { headers: { 'content-type': type } }).formData().catch(() => {
    throw new KvasirError('invalid_request', `the body is no form of type ${type}`);
  });
  const texts = (name: string): string[] =>
    // Forms have the line breaks of mail.
    form.getAll(name).flatMap(value => (typeof value === 'string' ? value.replaceAll('\r\n', '\n') : []));
  const fields: Record<string, unknown> = {};
  for (const name of new Set(form.keys())) {
    const values = texts(name);
    if (values.length > 0) fields[name] = name === 'q' && values.length > 1 ? values : values[0];
  }
  const { alternatives } = fields;
  if (typeof alternatives === 'string' && /^\d+$/.test(alternatives))
    fields.alternatives = Number(alternatives);
  return fields;
}
