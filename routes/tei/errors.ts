import { Type, type Static } from '@fastify/type-provider-typebox';
import type { App } from '#http/app.js';
import type { Endpoints } from '#http/endpoints.js';
import type { ErrorBody } from '#http/errors/errors.js';
import { errorResponses, type ErrorStatus } from '#http/schemas/shared.js';

const TeiError = Type.Object(
  {
    error: Type.String({ description: 'For people; may change.' }),
    error_type: Type.String({ description: '`Validation`, `Overloaded`, `Unhealthy` or `Backend`.' }),
    code: Type.Union([Type.String(), Type.Null()], {
      description: 'For programs; stable. The same as in the other endpoints.',
    }),
  },
  {
    $id: 'TeiError',
    description: 'What went wrong, in the shape that clients of text-embeddings-inference read.',
    examples: [{ error: 'inputs is required', error_type: 'Validation', code: 'invalid_request' }],
  },
);

const ERROR_TYPES: Readonly<Record<number, string>> = {
  429: 'Overloaded',
  500: 'Backend',
  503: 'Unhealthy',
  504: 'Backend',
};

/** Addresses whose errors have OpenAI's shape. */
const OPENAI = /^\/(v1\/|invocations$)/;

/**
 * Tells the same errors as everywhere, with the same status, in TEI's shape; those of endpoints of another
 * protocol that a request was handed to keep theirs.
 */
export function answerErrors(app: App, endpoints: Endpoints): void {
  app.addSchema(TeiError);
  app.addHook('preSerialization', async (request, reply, payload) => {
    const url = endpoints.handedTo(request) ?? request.routeOptions.url!;
    if (reply.statusCode < 400 || OPENAI.test(url)) return payload;
    return teiError(reply.statusCode, payload as ErrorBody);
  });
}

function teiError(status: number, { error: { message, code } }: ErrorBody): Static<typeof TeiError> {
  return { error: message, error_type: ERROR_TYPES[status] ?? 'Validation', code };
}

/** As `errorResponses`. */
export function teiErrorResponses<S extends ErrorStatus>(statuses: readonly S[]): Record<S, object> {
  return errorResponses(statuses, TeiError, teiError);
}
