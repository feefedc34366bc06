import {
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
  type SpanContext,
  type SpanOptions,
  type SpanStatus,
  type Tracer,
} from '@opentelemetry/api';
import t from 'tap';
import type { GenerationEvent } from '#engine/types.js';
import { delta } from '#test/support/fake-engine.js';
import { eventually, startServer } from '#test/support/http-server.js';

/** A span that remembers what it is told. */
class RecordedSpan implements Span {
  readonly attributes: Attributes;
  status: SpanStatus | undefined;
  ended = false;

  constructor(
    readonly name: string,
    readonly options: SpanOptions,
    readonly parent: Span | undefined,
    readonly id: string,
  ) {
    this.attributes = { ...options.attributes };
  }

  spanContext(): SpanContext {
    return { traceId: '1'.repeat(32), spanId: this.id, traceFlags: 1 };
  }

  setAttribute(key: string, value: Attributes[string]): this {
    this.attributes[key] = value;
    return this;
  }

  setAttributes(attributes: Attributes): this {
    Object.assign(this.attributes, attributes);
    return this;
  }

  setStatus(status: SpanStatus): this {
    this.status = status;
    return this;
  }

  end(): void {
    this.ended = true;
  }

  isRecording(): boolean {
    return true;
  }

  addEvent(): this {
    return this;
  }

  addLink(): this {
    return this;
  }

  addLinks(): this {
    return this;
  }

  updateName(): this {
    return this;
  }

  recordException(): void {}
}

const spans: RecordedSpan[] = [];
const tracer: Tracer = {
  startActiveSpan: () => {
    throw new Error('not called');
  },
  startSpan: (name: string, options: SpanOptions = {}, context: Context = ROOT_CONTEXT) => {
    const span = new RecordedSpan(
      name,
      options,
      trace.getSpan(context),
      String(spans.length).padStart(16, '0'),
    );
    spans.push(span);
    return span;
  },
};

const { engine, url } = await startServer(t);
t.beforeEach(() => {
  engine.reset();
  spans.length = 0;
});

const complete = (fields: object = {}, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-request-id': 'me', ...headers },
    body: JSON.stringify({ model: 'letters', prompt: 'abc', temperature: 0.5, ...fields }),
  });

t.test('without an SDK nothing is recorded', async t => {
  t.equal((await complete()).status, 200);
  t.equal(spans.length, 0);
});

t.test('with one', async t => {
  trace.setGlobalTracerProvider({ getTracer: () => tracer });
  propagation.setGlobalPropagator({
    inject: () => undefined,
    fields: () => ['traceparent'],
    extract: (context, carrier) => {
      const { traceparent } = carrier as { traceparent?: string };
      return traceparent === undefined
        ? context
        : trace.setSpan(
            ROOT_CONTEXT,
            trace.wrapSpanContext({ traceId: '1', spanId: traceparent, traceFlags: 1 }),
          );
    },
  });
  t.teardown(() => {
    trace.disable();
    propagation.disable();
  });

  t.test('a span for the request, in the caller’s trace, and one for each sequence', async t => {
    const report = {
      promptTokens: 3,
      cachedTokens: 0,
      generatedTokens: 2,
      queueMs: 100,
      prefillMs: 200,
      decodeMs: 300,
    };
    engine.script = async function* (): AsyncGenerator<GenerationEvent> {
      yield { ...delta('ab', 'stop'), report } as GenerationEvent;
    };
    const before = Date.now();
    await (await complete({ n: 2 }, { traceparent: 'caller' })).json();
    await eventually(() => spans.every(span => span.ended));
    const [request, ...sequences] = spans;
    t.match(request, { name: 'POST /v1/completions', options: { kind: SpanKind.SERVER }, status: undefined });
    t.equal(request!.parent?.spanContext().spanId, 'caller');
    t.match(request!.attributes, {
      'http.request.method': 'POST',
      'http.route': '/v1/completions',
      'http.response.status_code': 200,
      'gen_ai.request.model': 'letters',
      'kvasir.request.id': 'me',
    });
    t.equal(sequences.length, 2);
    for (const sequence of sequences) {
      t.equal(sequence.parent, request);
      t.ok((sequence.options.startTime as number) >= before);
      t.match(sequence.attributes, {
        'gen_ai.response.id': /^cmpl-/,
        'gen_ai.request.temperature': 0.5,
        'gen_ai.usage.input_tokens': 3,
        'gen_ai.usage.output_tokens': 2,
        'gen_ai.response.finish_reasons': ['stop'],
        'gen_ai.latency.time_in_queue': 0.1,
        'gen_ai.latency.time_to_first_token': 0.3,
      });
    }
  });

  t.test('failures', async t => {
    engine.script = async function* () {
      yield delta('a');
      throw new Error('broken');
    };
    await (await complete({ stream: true })).text();
    await complete({ temperature: -1 });
    await eventually(() => spans.length === 3 && spans.every(span => span.ended));
    const [failed, sequence, refused] = spans;
    t.equal(failed!.status?.code, SpanStatusCode.ERROR, 'although its status was sent before');
    t.equal(failed!.attributes['error.type'], 'internal_error');
    t.equal(sequence!.status?.code, SpanStatusCode.ERROR);
    t.equal(refused!.status, undefined, 'the server did nothing wrong');
    t.match(refused!.attributes, { 'http.response.status_code': 400, 'error.type': 'invalid_request' });
  });
});
