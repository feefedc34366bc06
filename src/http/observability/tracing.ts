import {
  context,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
} from '@opentelemetry/api';
import type { FastifyInstance } from 'fastify';
import type { EndedSequence } from '#api/generation/observers.js';
import type { RequestScope } from '../lifecycle/request-scope.js';

/**
 * Spans for OpenTelemetry: one per request, and in it one per generated sequence, with the names of the
 * semantic conventions for HTTP and for generative AI. They go to whatever SDK the process has registered;
 * without one, requests are left alone.
 */
export function traceRequests(app: FastifyInstance, version: string): void {
  const tracer = trace.getTracer('kvasir', version);
  app.addHook('onRequest', async (request, reply) => {
    const { scope } = request;
    const parent = propagation.extract(context.active(), request.headers);
    const route = request.routeOptions.url;
    const path = request.url.split('?', 1)[0]!;
    const span = tracer.startSpan(
      `${request.method} ${route ?? ''}`.trimEnd(),
      {
        kind: SpanKind.SERVER,
        attributes: {
          'http.request.method': request.method,
          'url.path': path,
          'kvasir.request.id': request.id,
          ...(route !== undefined && { 'http.route': route }),
        },
      },
      parent,
    );
    if (!span.isRecording()) return;
    const inside = trace.setSpan(parent, span);
    scope.observers.push({ onEnd: sequence => traceSequence(sequence, scope, inside) });
    scope.whenDone(() => finish(span, scope, scope.answered ? reply.statusCode : 499));
  });

  function traceSequence(sequence: EndedSequence, scope: RequestScope, parent: Context): void {
    const span = tracer.startSpan(
      'generate',
      { startTime: sequence.started, attributes: describe(sequence, scope) },
      parent,
    );
    if (sequence.reason === 'error') span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  }
}

function finish(span: Span, { model, failure }: RequestScope, status: number): void {
  span.setAttribute('http.response.status_code', status);
  if (model !== undefined) span.setAttribute('gen_ai.request.model', model.id);
  const code = failure?.body.error.code;
  if (code) span.setAttribute('error.type', code);
  if ((failure?.status ?? status) >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

function describe({ request, tokens, reason, report }: EndedSequence, { model }: RequestScope): Attributes {
  const { sampling, stop } = request;
  return {
    'gen_ai.operation.name': 'generate_content',
    ...(model !== undefined && { 'gen_ai.request.model': model.id }),
    'gen_ai.response.id': request.id,
    'gen_ai.response.finish_reasons': [reason],
    'gen_ai.request.max_tokens': stop.maxTokens,
    'gen_ai.request.temperature': sampling.temperature,
    'gen_ai.request.top_p': sampling.topP,
    'gen_ai.usage.input_tokens': request.promptIds.length,
    'gen_ai.usage.output_tokens': report?.generatedTokens ?? tokens,
    // What vLLM calls them.
    ...(report !== undefined && {
      'gen_ai.latency.time_in_queue': report.queueMs / 1000,
      'gen_ai.latency.time_to_first_token': (report.queueMs + report.prefillMs) / 1000,
      'gen_ai.latency.e2e': (report.queueMs + report.prefillMs + report.decodeMs) / 1000,
      'gen_ai.latency.time_in_model_prefill': report.prefillMs / 1000,
      'gen_ai.latency.time_in_model_decode': report.decodeMs / 1000,
    }),
  };
}
