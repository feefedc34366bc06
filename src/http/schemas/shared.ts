import { Type, type Static, type TSchema, type TUnsafe } from 'typebox';
import { errorBody, type ErrorBody, type ErrorType } from '../errors/errors.js';

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
      n_prompt_tokens: Type.Optional(
        Type.Integer({
          description: 'With `context_length_exceeded`: tokens of the prompt, where all were counted.',
        }),
      ),
      n_ctx: Type.Optional(
        Type.Integer({ description: 'With `context_length_exceeded`: tokens that the model can take.' }),
      ),
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

interface DocumentedError {
  readonly description: string;
  readonly example: ErrorBody;
}

function documented(
  description: string,
  type: ErrorType,
  message: string,
  fields: { readonly code: string; readonly param?: string },
): DocumentedError {
  return { description, example: errorBody(type, message, fields) };
}

const ERRORS = {
  400: documented(
    'The request is malformed, a field is wrong, or the prompt does not fit into the context.',
    'invalid_request_error',
    'model is required',
    { code: 'invalid_request', param: 'model' },
  ),
  401: documented(
    'The API key is missing or wrong.',
    'authentication_error',
    'the API key is missing or wrong; send it as authorization: Bearer KEY',
    { code: 'invalid_api_key' },
  ),
  403: documented(
    'The API key is missing or wrong.',
    'authentication_error',
    'the API key is missing or wrong; send it as authorization: Bearer KEY',
    { code: 'invalid_api_key' },
  ),
  404: documented(
    'There is no such model, or it cannot do this.',
    'invalid_request_error',
    'the model "nobody" is not served here; there are: stories, encoder',
    { code: 'model_not_found', param: 'model' },
  ),
  413: documented('The body is too large.', 'invalid_request_error', 'Request body is too large', {
    code: 'body_too_large',
  }),
  415: documented('The body is of another media type.', 'invalid_request_error', 'Unsupported Media Type', {
    code: 'unsupported_media_type',
  }),
  422: documented(
    'An input is too long for the model, or is nothing that it can read.',
    'invalid_request_error',
    'inputs has 602 tokens, expected at most 256; set truncate to true to have it cut',
    { code: 'context_length_exceeded' },
  ),
  429: documented(
    'Too many requests are waiting, or came from this client; `retry-after` says when to come again.',
    'rate_limit_error',
    '1024 requests are already waiting; try again later',
    { code: 'queue_full' },
  ),
  500: documented(
    'The server failed.',
    'server_error',
    "the server failed to process the request; its log has the reason under the response's x-request-id",
    { code: 'runtime_failure' },
  ),
  503: documented('The server is shutting down.', 'server_error', 'the server is shutting down', {
    code: 'shutting_down',
  }),
  504: documented(
    'The time for the request was over before its answer was complete.',
    'server_error',
    'the time for the request was over before its answer was complete',
    { code: 'deadline_exceeded' },
  ),
} as const satisfies Record<number, DocumentedError>;

export type ErrorStatus = keyof typeof ERRORS;

/**
 * @param schema of the errors; by default OpenAI's.
 * @param body makes such an error of one in OpenAI's shape.
 * @returns the `response` entries of the given error statuses.
 */
export function errorResponses<S extends ErrorStatus>(
  statuses: readonly S[],
  schema: TSchema = ErrorSchema,
  body: (status: number, error: ErrorBody) => object = (_status, error) => error,
): Record<S, object> {
  const entries = statuses.map(status => {
    const { description, example } = ERRORS[status];
    return [status, json(description, refTo(schema), body(status, example))];
  });
  return Object.fromEntries(entries) as Record<S, object>;
}

/** What any request may be answered with. */
export const COMMON_ERRORS = [401, 429, 500, 503] as const;

/** What a request with a body that names a model may be answered with. */
export const MODEL_ERRORS = [400, ...COMMON_ERRORS, 404, 413, 415, 504] as const;

/**
 * A `response` entry of JSON.
 *
 * @param example by default the schema's first.
 */
export function json(description: string, schema: TSchema, example?: unknown): object {
  return {
    description,
    content: { 'application/json': { schema, ...(example !== undefined && { example }) } },
  };
}

/**
 * A reference to a schema with an `$id`, by which it becomes a named component of the OpenAPI document. It
 * has to be made known with `addSchema` before the route.
 */
export function refTo<T extends TSchema>(schema: T): TUnsafe<Static<T>> {
  return Type.Unsafe<Static<T>>(Type.Ref((schema as { $id?: string }).$id!));
}
