import { Type, type Static, type TSchema, type TUnsafe } from '@fastify/type-provider-typebox';

/** OpenAI's error; see `ErrorBody`. */
export const ErrorSchema = Type.Object(
  {
    error: Type.Object({
      message: Type.String({ description: 'For people; may change.' }),
      type: Type.String({
        description: '`invalid_request_error`, `authentication_error`, `rate_limit_error` or `server_error`.',
      }),
      param: Type.Union([Type.String(), Type.Null()], { description: 'The field at fault.' }),
      code: Type.Union([Type.String(), Type.Null()], { description: 'For programs; stable.' }),
    }),
  },
  {
    $id: 'Error',
    description: 'What went wrong, in the shape that OpenAI clients read.',
    examples: [
      {
        error: {
          message: 'temperature must be <= 2',
          type: 'invalid_request_error',
          param: 'temperature',
          code: 'invalid_request',
        },
      },
    ],
  },
);

export const UsageSchema = Type.Object(
  {
    prompt_tokens: Type.Integer({ description: 'Tokens of all prompts, each counted once.' }),
    completion_tokens: Type.Integer({ description: 'Tokens generated, in all choices together.' }),
    total_tokens: Type.Integer(),
    prompt_tokens_details: Type.Object({
      cached_tokens: Type.Integer({ description: 'Prompt tokens that were in the cache already.' }),
    }),
  },
  { $id: 'Usage', description: 'Counts of tokens.' },
);

/** Schemas that all routes may refer to. */
export const SHARED_SCHEMAS = [ErrorSchema, UsageSchema] as const;

const ERRORS = {
  400: 'The request is malformed, a field is wrong, or the prompt does not fit into the context.',
  401: 'The API key is missing or wrong.',
  404: 'There is no such model, or it cannot do this.',
  413: 'The body is too large.',
  415: 'The body is not `application/json`.',
  429: 'Too many requests are waiting; `retry-after` says when to come again.',
  500: 'The server failed.',
  503: 'The server is shutting down.',
} as const;

/** @returns the `response` entries of the given error statuses. */
export function errorResponses<S extends keyof typeof ERRORS>(...statuses: S[]): Record<S, object> {
  const entries = statuses.map(status => [status, json(ERRORS[status], refTo(ErrorSchema))]);
  return Object.fromEntries(entries) as Record<S, object>;
}

/** A `response` entry of JSON. */
export function json(description: string, schema: TSchema): object {
  return { description, content: { 'application/json': { schema } } };
}

/**
 * A reference to a schema with an `$id`, by which it becomes a named component of the OpenAPI document. It has to be made known with
 * `addSchema` before the route.
 */
export function refTo<T extends TSchema>(schema: T): TUnsafe<Static<T>> {
  return Type.Unsafe<Static<T>>(Type.Ref((schema as { $id?: string }).$id!));
}
