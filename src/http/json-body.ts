import type { FastifyInstance } from 'fastify';
import { KvasirError } from '#errors.js';
import { parseJson } from './json.js';
import type { BodyMemory } from './lifecycle/body-memory.js';

/** Reads bodies of JSON within the bounds of `parseJson`, and takes account of what they take when parsed. */
export function readJson(app: FastifyInstance, memory: BodyMemory): void {
  // Fastify takes it as a text, which no endpoint does.
  app.removeContentTypeParser('text/plain');
  app.addHook('preValidation', async ({ body, routeOptions: { schema } }) => {
    if (body === undefined && schema?.body !== undefined) throw emptyBody(schema.consumes);
  });
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body: string, done) => {
    try {
      if (body === '') throw emptyBody();
      const { value, count } = parseJson(body.charCodeAt(0) === 0xfeff ? body.slice(1) : body, 'the body');
      memory.takeParsed(request, body.length, count);
      done(null, value);
    } catch (error) {
      done(error as Error);
    }
  });
}

/** @param types of media that the endpoint takes. */
function emptyBody([type = 'application/json']: readonly string[] = []): KvasirError {
  const expected = type === 'multipart/form-data' ? 'a form' : 'JSON';
  return new KvasirError('invalid_request', `the body is empty, expected ${expected}`);
}
