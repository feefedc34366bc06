import type { IncomingMessage } from 'node:http';
import { randomUUID } from 'node:crypto';
import {
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { stdTimeFunctions, type LoggerOptions } from 'pino';
import type { SequenceReport } from '#engine/types.js';
import type { Model, ModelRegistry } from '#registry/types.js';
import type { EndedSequence } from '#api/generation/observers.js';

const SECRETS = ['authorization', 'cookie', 'x-api-key', 'proxy-authorization'];

/** Settings for a pino logger whose lines name levels and times as people do. */
export function loggerOptions(level: string): LoggerOptions {
  return {
    level,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: label => ({ level: label }) },
    // Nothing logs headers; this is for the day when something does.
    redact: SECRETS.flatMap(name => [`headers["${name}"]`, `*.headers["${name}"]`]),
  };
}

/** Fastify's own lines per request are off: {@link logRequests} writes one. */
export const logController = new LogController({ disableRequestLogging: true });

/** A caller's own `x-request-id` if it is fit for logs and headers, otherwise a new id. */
export function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}

/**
 * One line per request when its answer is complete or its client has left, and its id as `x-request-id` of
 * the answer. Bodies are never logged: they are other people's texts.
 */
export function logRequests(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('x-request-id', request.id);
    request.scope.whenDone(() => {
      const aborted = !request.scope.answered;
      const ms = Math.round(reply.elapsedTime);
      const write = (): void => request.log.info(describe(request, reply, aborted, ms), 'request');
      // What a client that leaves has interrupted ends in the meantime.
      if (aborted) setImmediate(write);
      else write();
    });
  });
}

/**
 * A line whenever a model comes or goes. Of those that fail at the start {@link logFailed} tells, once it is
 * known whether the server goes on without them.
 */
export function logModels(logger: FastifyBaseLogger, registry: ModelRegistry): void {
  registry.observe({
    loaded: (model, milliseconds) => logLoaded(logger, model, milliseconds),
    failed: (id, error) => {
      if (!registry.starting) logFailed(logger, id, error);
    },
    unloading: ({ id }) => logger.info({ model: id }, 'model unloaded'),
  });
}

export function logFailed(logger: FastifyBaseLogger, id: string, error: unknown): void {
  logger.error({ model: id, err: error }, 'model failed');
}

/** A line about a model: its task, the device it runs on, how it runs, and why so. */
function logLoaded(logger: FastifyBaseLogger, model: Model, milliseconds: number): void {
  const { id, card, device, path, engine } = model;
  logger.info(
    {
      model: id,
      task: card.task,
      ...(engine && { slots: engine.slots, cache_tokens: engine.stats().cacheCapacity }),
      ...(card.contextLength !== undefined && { context: card.contextLength }),
      device,
      precision: path?.precision,
      path: path?.kind,
      reason: path?.reason,
      ms: Math.round(milliseconds),
    },
    'model loaded',
  );
}

function describe(request: FastifyRequest, reply: FastifyReply, aborted: boolean, ms: number): object {
  const { apiKey, model, failure, sequences, audioSeconds } = request.scope;
  return {
    method: request.method,
    path: request.url.split('?', 1)[0],
    status: aborted ? 499 : reply.statusCode,
    ms,
    ...(aborted && { aborted }),
    ...(apiKey !== undefined && { key: apiKey }),
    ...(model !== undefined && { model: model.id }),
    ...(failure !== undefined && { error: failure.body.error.code }),
    ...(audioSeconds !== undefined && { audio_seconds: Number(audioSeconds.toFixed(2)) }),
    ...(sequences.length > 0 && summary(sequences)),
  };
}

/** What the sequences of a request took: tokens of all of them, times of the slowest. */
function summary(sequences: readonly EndedSequence[]): object {
  const reports = sequences.flatMap(({ report }) => report ?? []);
  const sum = (tokens: (report: SequenceReport) => number): number =>
    reports.reduce((total, report) => total + tokens(report), 0);
  const slowest = (milliseconds: (report: SequenceReport) => number): number =>
    Math.round(Math.max(...reports.map(milliseconds)));
  return {
    generation: sequences[0]!.request.id,
    sequences: sequences.length,
    finish: [...new Set(sequences.map(({ reason }) => reason))].join(','),
    generated_tokens: sequences.reduce(
      (sum, { report, tokens }) => sum + (report?.generatedTokens ?? tokens),
      0,
    ),
    ...(reports.length > 0 && {
      prompt_tokens: sum(report => report.promptTokens),
      cached_tokens: sum(report => report.cachedTokens),
      queue_ms: slowest(report => report.queueMs),
      prefill_ms: slowest(report => report.prefillMs),
      decode_ms: slowest(report => report.decodeMs),
    }),
  };
}
