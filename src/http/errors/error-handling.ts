import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Socket } from 'node:net';
import { STATUS_CODES } from 'node:http';
import { KvasirError } from '#errors.js';
import { deadlineExceeded } from '../lifecycle/deadline.js';
import { errorBody, toHttpError, type ErrorBody, type HttpError } from './errors.js';
import { scopeOf } from '../lifecycle/request-scope.js';

/**
 * Answers everything that goes wrong, unknown addresses and methods included, in OpenAI's shape. To be
 * installed before the routes, since it takes note of them.
 */
export function handleErrors(app: FastifyInstance): void {
  const routes: { readonly methods: readonly string[]; readonly path: RegExp }[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    routes.push({ methods: [method].flat(), path: toRegExp(url) });
  });

  app.setErrorHandler(sendError);
  app.setNotFoundHandler(answerUnknown);
  // Before a body is read: of an address that does not exist nobody can say what it takes.
  app.addHook('onRequest', async (request, reply) => {
    if (request.is404) return answerUnknown(request, reply);
  });

  function answerUnknown(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const path = request.url.split('?', 1)[0]!;
    const allowed = new Set(routes.flatMap(route => (route.path.test(path) ? route.methods : [])));
    if (allowed.size === 0) {
      const message = `there is nothing at ${request.method} ${path}`;
      return reply.code(404).send(errorBody('invalid_request_error', message, { code: 'unknown_url' }));
    }
    const methods = [...allowed].join(', ');
    const message = `${path} does not take ${request.method}, only ${methods}`;
    return reply
      .code(405)
      .header('allow', methods)
      .send(errorBody('invalid_request_error', message, { code: 'method_not_allowed' }));
  }
}

/** The status, headers and body for what was thrown. */
export function sendError(error: FastifyError, _request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, body, retryAfter, final } = failure(error, reply);
  if (retryAfter !== undefined) void reply.header('retry-after', retryAfter);
  if (final) void reply.header('x-should-retry', 'false');
  if (status === 401) void reply.header('www-authenticate', 'Bearer');
  return reply.code(status).send(body);
}

/**
 * What a client is told of what was thrown while its request was handled. Takes note of it for the request's
 * log line, and logs failures of the server itself with all they have; of refusals the code and field only,
 * since their messages may quote the request.
 */
export function failure(error: unknown, reply: FastifyReply): HttpError {
  const scope = scopeOf(reply);
  const takenBack = scope.expired && error instanceof KvasirError && error.code === 'cancelled';
  const mapped = toHttpError(takenBack ? deadlineExceeded() : error);
  const { status, body } = mapped;
  const { code, param } = body.error;
  scope.failure = mapped;
  if (status === 500) reply.request.log.error({ err: error }, 'request failed');
  else reply.request.log.debug({ status, code, param }, 'request refused');
  // Why the runtime refused what a client gave it: of a shape, an operator or a file, never of a text.
  const { cause } = Object(error) as { cause?: unknown };
  if (status < 500 && cause instanceof KvasirError && cause.code === 'runtime_failure')
    reply.request.log.info({ code, reason: cause.message }, 'the runtime refused a request');
  return code === 'queue_full'
    ? { ...mapped, retryAfter: scope.retryAfter?.() ?? mapped.retryAfter }
    : mapped;
}

/** Answers bytes that are no HTTP request. */
export function handleClientError(error: Error & { code?: string }, socket: Socket): void {
  if (socket.writable && error.code !== 'ECONNRESET') {
    const status =
      error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400;
    const message = STATUS_CODES[status]!.toLowerCase();
    socket.write(
      closingAnswer(status, errorBody('invalid_request_error', message, { code: 'invalid_request' })),
    );
  }
  socket.destroy(error);
}

/** Answers a connection that nobody has time for, whatever it may ask for, and closes it. */
export function refuseConnection(socket: Socket): void {
  const { status, body, retryAfter } = toHttpError(
    new KvasirError('overloaded', 'there are too many connections; try again later'),
  );
  socket.on('error', () => undefined);
  socket.end(closingAnswer(status, body, `retry-after: ${retryAfter!}\r\n`), () => socket.destroy());
}

/** @param headers lines that each end with a line break. */
function closingAnswer(status: number, body: ErrorBody, headers = ''): string {
  const text = JSON.stringify(body);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]!}\r\n${headers}content-type: application/json\r\ncontent-length: ${text.length}\r\nconnection: close\r\n\r\n${text}`;
}

/** Fastify's `:name` and `*` patterns as a regular expression. */
function toRegExp(pattern: string): RegExp {
  const source = pattern
    .split(/(:[^/]+|\*)/)
    .map(part =>
      part === '*' ? '.*' : part.startsWith(':') ? '[^/]+' : part.replace(/[.+?^$(){}|[\]\\]/g, '\\$&'),
    )
    .join('');
  return new RegExp(`^${source}$`);
}
