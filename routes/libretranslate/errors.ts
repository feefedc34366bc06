import { Type, type Static } from 'typebox';
import type { App } from '#http/app.js';
import type { ErrorBody } from '#http/errors/errors.js';
import { errorResponses, type ErrorStatus } from '#http/schemas/shared.js';

const LibreTranslateError = Type.Object(
  { error: Type.String({ description: 'For people; may change.' }) },
  {
    $id: 'LibreTranslateError',
    description: 'What went wrong, in the shape that clients of LibreTranslate read.',
    examples: [{ error: 'xx is not supported' }],
  },
);

/** Statuses in place of those that LibreTranslate does not have. */
const STATUSES: Readonly<Record<number, number>> = { 401: 403, 404: 400 };

/** Tells the same errors as everywhere in LibreTranslate's shape and with its statuses. */
export function answerErrors(app: App): void {
  app.addSchema(LibreTranslateError);
  app.addHook('preSerialization', async (_request, reply, payload) => {
    if (reply.statusCode < 400) return payload;
    void reply.code(STATUSES[reply.statusCode] ?? reply.statusCode);
    return libreTranslateError(payload as ErrorBody);
  });
}

function libreTranslateError({ error }: ErrorBody): Static<typeof LibreTranslateError> {
  return { error: error.message };
}

/** As `errorResponses`. */
export function libreTranslateErrors<S extends ErrorStatus>(statuses: readonly S[]): Record<S, object> {
  return errorResponses(statuses, LibreTranslateError, (_status, error) => libreTranslateError(error));
}

/** What any request may be answered with. */
export const COMMON = [403, 429, 500, 503] as const;

/** What a request with a body may be answered with. */
export const WITH_BODY = [400, ...COMMON, 413, 415, 504] as const;
