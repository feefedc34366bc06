import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';
import type { SequenceReport } from '#engine/types.js';
import type { ModelRegistry } from '#registry/types.js';
import {
  LATENCY_BUCKETS,
  REAL_TIME_BUCKETS,
  TOKEN_BUCKETS,
  TOKEN_TIME_BUCKETS,
  TTFT_BUCKETS,
} from './buckets.js';
import { ModelCounts } from './model-counts.js';

/**
 * The server's metrics for Prometheus. A metric that vLLM has too has vLLM's name, labels and buckets, so
 * that dashboards for one show the other; metrics of Kvasir alone begin with `kvasir_`.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests: Counter<'handler' | 'method' | 'status'>;
  readonly #requestSeconds: Histogram<'handler' | 'method'>;
  readonly #ended: Counter<'model_name' | 'finished_reason'>;
  readonly #firstToken: ModelHistogram;
  readonly #betweenTokens: ModelHistogram;
  readonly #audioSeconds: Counter<'model_name'>;
  readonly #realTimeFactor: ModelHistogram;
  /** Histograms of whole sequences, each with the number that it observes, in seconds or tokens. */
  readonly #sequences: readonly (readonly [ModelHistogram, (sequence: SequenceReport) => number])[];

  /**
   * @param process measure the process as well: memory, processor time, garbage collection. It is done once,
   * for all servers in it.
   */
  constructor(models: ModelRegistry, { process = false } = {}) {
    const registers = [this.#registry];
    if (process) collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Counter({
      name: 'http_requests_total',
      help: 'Requests that were answered, by route and status; 499: the client left before.',
      labelNames: ['handler', 'method', 'status'],
      registers,
    });
    this.#requestSeconds = new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time until a request was answered completely.',
      labelNames: ['handler', 'method'],
      buckets: [0.005, 0.01, 0.05, 0.1, ...LATENCY_BUCKETS],
      registers,
    });
    this.#ended = new Counter({
      name: 'vllm:request_success_total',
      help: 'Sequences that ended, by what ended them: stop, length, abort, error.',
      labelNames: ['model_name', 'finished_reason'],
      registers,
    });
    const histogram = (name: string, help: string, buckets: number[]): ModelHistogram =>
      new Histogram({ name: `vllm:${name}`, help, labelNames: ['model_name'], buckets, registers });
    this.#firstToken = histogram(
      'time_to_first_token_seconds',
      'Time from the start of a sequence, waiting included, to its first token.',
      TTFT_BUCKETS,
    );
    this.#betweenTokens = histogram(
      'inter_token_latency_seconds',
      'Time between two tokens of a sequence.',
      TOKEN_TIME_BUCKETS,
    );
    const latency = (name: string, help: string): ModelHistogram => histogram(name, help, LATENCY_BUCKETS);
    this.#sequences = [
      [
        latency('e2e_request_latency_seconds', 'Time from the start of a sequence to its end.'),
        ({ queueMs, prefillMs, decodeMs }) => (queueMs + prefillMs + decodeMs) / 1000,
      ],
      [
        latency('request_queue_time_seconds', 'Time that a sequence waited for a slot.'),
        ({ queueMs }) => queueMs / 1000,
      ],
      [
        latency('request_prefill_time_seconds', 'Time from the first run of a sequence to its first token.'),
        ({ prefillMs }) => prefillMs / 1000,
      ],
      [
        latency('request_decode_time_seconds', 'Time from the first token of a sequence to its last.'),
        ({ decodeMs }) => decodeMs / 1000,
      ],
      [
        latency('request_inference_time_seconds', 'Time that a sequence had a slot.'),
        ({ prefillMs, decodeMs }) => (prefillMs + decodeMs) / 1000,
      ],
      [
        histogram(
          'request_time_per_output_token_seconds',
          'Mean time of a token after the first.',
          TOKEN_TIME_BUCKETS,
        ),
        ({ decodeMs, generatedTokens }) => decodeMs / 1000 / Math.max(1, generatedTokens - 1),
      ],
      [
        histogram('request_prompt_tokens', 'Tokens of a prompt.', TOKEN_BUCKETS),
        ({ promptTokens }) => promptTokens,
      ],
      [
        histogram('request_generation_tokens', 'Tokens generated for a sequence.', TOKEN_BUCKETS),
        ({ generatedTokens }) => generatedTokens,
      ],
    ];
    this.#audioSeconds = new Counter({
      name: 'kvasir_audio_seconds_total',
      help: 'Length of the recordings that were transcribed.',
      labelNames: ['model_name'],
      registers,
    });
    this.#realTimeFactor = new Histogram({
      name: 'kvasir_audio_real_time_factor',
      help: 'Time that the transcription of a recording took, divided by its length.',
      labelNames: ['model_name'],
      buckets: REAL_TIME_BUCKETS,
      registers,
    });
    new ModelCounts(models, registers);
  }

  /** The metrics as text of {@link contentType}. */
  async read(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** @param handler the route's pattern, never the address: each value is a series of its own. */
  request(handler: string, method: string, status: number, seconds: number): void {
    this.#requests.inc({ handler, method, status: String(status) });
    this.#requestSeconds.observe({ handler, method }, seconds);
  }

  /** @param seconds since the tokens before, or for the first since the start of the sequence. */
  tokens(model: string, tokens: number, seconds: number, first: boolean): void {
    const labels = { model_name: model };
    if (first) this.#firstToken.observe(labels, seconds);
    else for (let i = 0; i < tokens; i++) this.#betweenTokens.observe(labels, seconds / tokens);
  }

  /** @param duration of a recording that was transcribed, and `seconds` the time that it took, both in seconds. */
  transcribed(model: string, duration: number, seconds: number): void {
    const labels = { model_name: model };
    this.#audioSeconds.inc(labels, duration);
    if (duration > 0) this.#realTimeFactor.observe(labels, seconds / duration);
  }

  ended(model: string, { reason, report }: MeasuredSequence): void {
    this.#ended.inc({ model_name: model, finished_reason: reason });
    if (report === undefined) return;
    for (const [histogram, value] of this.#sequences) histogram.observe({ model_name: model }, value(report));
  }
}

/** The numbers of a finished sequence that are counted. */
interface MeasuredSequence {
  readonly reason: 'stop' | 'length' | 'abort' | 'error';
  /** Undefined for sequences that were aborted or failed. */
  readonly report: SequenceReport | undefined;
}

type ModelHistogram = Histogram<'model_name'>;
