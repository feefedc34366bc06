import type { IncomingMessage } from 'node:http';
import { randomUUID } from 'node:crypto';
import { LogController, type FastifyInstance } from 'fastify';
import { stdTimeFunctions, type LoggerOptions } from 'pino';

/** Settings for a pino logger whose lines name levels and times as people do. */
export function loggerOptions(level: string): LoggerOptions {
  return {
    level,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: label => ({ level: label }) },
  };
}

/** Fastify's own lines per request are off: {@link logRequests} writes one. */
export const logController = new LogController({ disableRequestLogging: true });

/** A caller's own `x-request-id` if it is fit for logs and headers, otherwise a new id. */
export function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}

/** One line per answered request, and its id as `x-request-id` of the answer. Bodies are never logged: they are other people's texts. */
export function logRequests(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('x-request-id', request.id);
  });
  app.addHook('onResponse', async (request, reply) => {
    request.log.info(
      {
        method: request.method,
        path: request.url.split('?', 1)[0],
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        ...(!reply.raw.writableFinished && { aborted: true }),
      },
      'request',
    );
  });
}
