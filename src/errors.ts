/**
 * Every failure that a caller can do something about has a code. Codes are stable: clients, logs and tests
 * name them; messages are for people and may change.
 */
export type ErrorCode =
  /** A field of the request is wrong in itself or does not fit the model. */
  | 'invalid_request'
  /** Prompt and requested tokens do not fit the model's context. */
  | 'context_length_exceeded'
  /** The body of the request is larger than its endpoint takes. */
  | 'body_too_large'
  /** No model of that name, or none that can do what was asked. */
  | 'model_not_found'
  /** The waiting line is full; the request may be sent again later. */
  | 'queue_full'
  /** One key or address has sent too many requests; they may be sent again later. */
  | 'rate_limit_exceeded'
  /** The request has no API key, or a wrong one. */
  | 'invalid_api_key'
  /** The caller went away or took the request back. */
  | 'cancelled'
  /** The request was sent to a host name that the server does not answer to. */
  | 'host_not_allowed'
  /** Too much is under way already; the request may be sent again later. */
  | 'overloaded'
  /** The time for the request was over before its answer was complete. */
  | 'deadline_exceeded'
  /** The server is shutting down. */
  | 'shutting_down'
  /** A model folder's files are missing, broken or contradict one another. */
  | 'invalid_model'
  /** The model is sound, but of a kind that Kvasir cannot build or serve. */
  | 'unsupported_model'
  /** ONNX Runtime refused a call or failed in a run. */
  | 'runtime_failure'
  /** The model gives numbers that are not finite: its weights are broken, or too large for their precision. */
  | 'broken_model'
  /** A library that the work needs (ONNX Runtime's, sharp's) is not there or does not load. */
  | 'runtime_unavailable'
  /** A setting of the server is wrong. */
  | 'invalid_configuration'
  /** A model hub wants a token, or does not let this one in. */
  | 'access_denied'
  /** A model hub does not answer, or what came from it is broken. */
  | 'download_failed'
  /** The disk is full. */
  | 'storage_full';

/** Numbers of an error that programs can read, by the names that llama.cpp's server gives them. */
export interface ErrorNumbers {
  /** Tokens of the prompt, where it was read as a whole. */
  readonly n_prompt_tokens?: number;
  /** Tokens that the model can take. */
  readonly n_ctx?: number;
}

/** The one error class that crosses module borders; see {@link ErrorCode}. */
export class KvasirError extends Error {
  override readonly name = 'KvasirError';
  readonly code: ErrorCode;
  /** The request field at fault, such as `temperature`, where there is one. */
  readonly param: string | undefined;
  readonly numbers: ErrorNumbers | undefined;

  constructor(code: ErrorCode, message: string, options: KvasirErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.param = options.param;
    this.numbers = options.numbers;
  }
}

export interface KvasirErrorOptions {
  readonly param?: string | undefined;
  readonly numbers?: ErrorNumbers | undefined;
  readonly cause?: unknown;
}

/** The error for a request whose field `param` is wrong in itself or does not fit the model. */
export function invalidRequest(param: string, message: string): KvasirError {
  return new KvasirError('invalid_request', message, { param });
}

/**
 * The error for a prompt or an input that does not fit the model.
 *
 * @param tokens how many it has; undefined where nobody counted that far.
 * @param contextLength how many the model can take.
 */
export function contextLengthExceeded(
  param: string | undefined,
  message: string,
  tokens: number | undefined,
  contextLength: number,
): KvasirError {
  const numbers = { ...(tokens !== undefined && { n_prompt_tokens: tokens }), n_ctx: contextLength };
  return new KvasirError('context_length_exceeded', message, { param, numbers });
}
