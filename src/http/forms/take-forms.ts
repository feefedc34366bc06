import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { KvasirError } from '#errors.js';
import { refuseOtherSites } from '../security/other-sites.js';
import { formBody } from './form-values.js';
import { readForm } from './multipart.js';

/** What the forms of an endpoint are. */
export interface FormOptions {
  /** Of the body that a form stands for. */
  readonly schema: object;
  /** Name of the field that is a file. */
  readonly file: string;
  /** Origins whose pages may send forms; `*` is all. */
  readonly corsOrigins: readonly string[];
}

/** Lets the endpoints that are registered after it take forms, with a file in them, and nothing else. */
export function takeForms(app: FastifyInstance, { schema, file, corsOrigins }: FormOptions): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('multipart/form-data', async (request: FastifyRequest, payload: Readable) => {
    refuseOtherSites(request, corsOrigins);
    return formBody(await readForm(request.headers, payload, name => name === file), schema);
  });
  app.addContentTypeParser('*', async () => {
    throw new KvasirError(
      'invalid_request',
      `the body must be a form, with the header content-type: multipart/form-data, and the file in its field ${file}`,
    );
  });
}
