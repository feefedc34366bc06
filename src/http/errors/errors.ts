import { KvasirError, type ErrorCode, type ErrorNumbers } from '#errors.js';

/** An error as OpenAI's clients read it. */
export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: ErrorType;
    /** The request field at fault. */
    readonly param: string | null;
    readonly code: string | null;
  } & ErrorNumbers;
}

export type ErrorType =
  'invalid_request_error' | 'authentication_error' | 'rate_limit_error' | 'server_error';

/** An error and how it travels. */
export interface HttpError {
  readonly status: number;
  readonly body: ErrorBody;
  /** Seconds after which the same request may succeed. */
  readonly retryAfter: number | undefined;
  /** Clients that send failed requests again by themselves should leave it. */
  readonly final?: true;
}

interface Mapping {
  readonly status: number;
  readonly type: ErrorType;
  readonly retryAfter?: number;
  readonly final?: true;
  /** The message speaks of the server's insides: it goes to the log, not to the client. */
  readonly internal?: true;
}

const MAPPINGS: Readonly<Record<ErrorCode, Mapping>> = {
  invalid_request: { status: 400, type: 'invalid_request_error' },
  context_length_exceeded: { status: 400, type: 'invalid_request_error' },
  body_too_large: { status: 413, type: 'invalid_request_error' },
  model_not_found: { status: 404, type: 'invalid_request_error' },
  queue_full: { status: 429, type: 'rate_limit_error', retryAfter: 1 },
  rate_limit_exceeded: { status: 429, type: 'rate_limit_error' },
  invalid_api_key: { status: 401, type: 'authentication_error' },
  host_not_allowed: { status: 403, type: 'invalid_request_error' },
  // nginx's "client closed request"; nobody is left to read it, but the log should not call it a failure.
  cancelled: { status: 499, type: 'invalid_request_error' },
  deadline_exceeded: { status: 504, type: 'server_error', final: true },
  shutting_down: { status: 503, type: 'server_error', retryAfter: 5 },
  overloaded: { status: 503, type: 'server_error', retryAfter: 1 },
  invalid_model: { status: 500, type: 'server_error', internal: true },
  unsupported_model: { status: 500, type: 'server_error', internal: true },
  runtime_failure: { status: 500, type: 'server_error', internal: true },
  broken_model: { status: 500, type: 'server_error', internal: true },
  runtime_unavailable: { status: 500, type: 'server_error', internal: true },
  invalid_configuration: { status: 500, type: 'server_error', internal: true },
  access_denied: { status: 500, type: 'server_error', internal: true },
  download_failed: { status: 500, type: 'server_error', internal: true },
  storage_full: { status: 500, type: 'server_error', internal: true },
};

const INTERNAL_MESSAGE =
  "the server failed to process the request; its log has the reason under the response's x-request-id";

/** What Fastify refuses itself, before a route is reached. A message takes the place of Fastify's own. */
const BY_STATUS: Readonly<Record<number, { readonly code: string; readonly message?: string }>> = {
  413: { code: 'body_too_large' },
  414: { code: 'url_too_long' },
  415: {
    code: 'unsupported_media_type',
    message: 'the body must be JSON, with the header content-type: application/json',
  },
};

/** @param message for people; `code` is what programs compare. */
export function errorBody(
  type: ErrorType,
  message: string,
  fields: { code?: string | null; param?: string | null } & ErrorNumbers = {},
): ErrorBody {
  const { code = null, param = null, ...numbers } = fields;
  return { error: { message, type, param, code, ...numbers } };
}

/**
 * The one place where what was thrown becomes what a client sees. Neither stack traces nor causes leave the
 * server.
 */
export function toHttpError(error: unknown): HttpError {
  if (error instanceof KvasirError) {
    const { status, type, retryAfter, final, internal } = MAPPINGS[error.code];
    const message = internal ? INTERNAL_MESSAGE : error.message;
    const { code, param = null, numbers } = error;
    return {
      status,
      body: errorBody(type, message, { code, param, ...numbers }),
      retryAfter,
      ...(final && { final }),
    };
  }
  const { statusCode, message } = Object(error) as { statusCode?: unknown; message: string };
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    const known = BY_STATUS[statusCode];
    const { code } = known ?? { code: 'invalid_request' };
    return {
      status: statusCode,
      body: errorBody('invalid_request_error', known?.message ?? message, { code }),
      retryAfter: undefined,
    };
  }
  return {
    status: 500,
    body: errorBody('server_error', INTERNAL_MESSAGE, { code: 'internal_error' }),
    retryAfter: undefined,
  };
}
