import type { FastifyReply, FastifyRequest } from 'fastify';
import type { GenerationRequest, SequenceReport } from '#engine/types.js';
import type { Model } from '#registry/types.js';
import type { HttpError } from './errors.js';

/** Follows the sequences that a request generates. */
export interface SequenceObserver {
  /**
   * Text of a sequence came.
   *
   * @param tokens how many it consists of.
   * @param seconds since the text before it, or for the first since the start.
   */
  onTokens?(tokens: number, seconds: number, first: boolean): void;
  onEnd?(sequence: EndedSequence): void;
}

/** A sequence that came to its end, or was cut off. */
export interface EndedSequence {
  readonly request: GenerationRequest;
  /** Milliseconds since the epoch. */
  readonly started: number;
  /** Generated, as far as their text was read. */
  readonly tokens: number;
  readonly reason: 'stop' | 'length' | 'abort' | 'error';
  /** Only of those that came to their end. */
  readonly report: SequenceReport | undefined;
}

/** What is known of one HTTP request, from its first byte to the last of its answer. */
export class RequestScope {
  /** Whose model it asked for. */
  model: Model | undefined;
  /** Which API key it came with; not the key itself. */
  apiKey: string | undefined;
  /** What it was refused with. */
  failure: HttpError | undefined;
  /** Whether its time was over before its answer was complete. */
  expired = false;
  /** Seconds after which the model that it asked for may have time. */
  retryAfter: (() => number) | undefined;
  /** Those that have ended, in that order. */
  readonly sequences: EndedSequence[] = [];
  readonly observers: SequenceObserver[] = [{ onEnd: sequence => this.sequences.push(sequence) }];
  /** Called when the answer is complete or the client has left, in this order. Undefined when that has happened. */
  callbacks: (() => void)[] | undefined = [];
  readonly #controller = new AbortController();

  /** Aborted when the client leaves before its answer is complete, or its time is over. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(): void {
    this.#controller.abort();
  }
}

const scopes = new WeakMap<FastifyRequest, RequestScope>();
const scopesBySignal = new WeakMap<AbortSignal, RequestScope>();

export function scopeOf({ request, raw }: FastifyReply): RequestScope {
  let scope = scopes.get(request);
  if (scope === undefined) {
    const created = (scope = new RequestScope());
    scopes.set(request, created);
    scopesBySignal.set(created.signal, created);
    // Fastify's `request.signal` goes by the request's `close` event, which Node emits as soon as a body was read.
    const onClose = (): void => {
      if (!raw.writableFinished) created.abort();
      const { callbacks = [] } = created;
      created.callbacks = undefined;
      for (const callback of callbacks) callback();
    };
    if (raw.destroyed) onClose();
    else raw.once('close', onClose);
  }
  return scope;
}

/** The scope of a request, if anybody has asked for it yet. */
export function scopeOfRequest(request: FastifyRequest): RequestScope | undefined {
  return scopes.get(request);
}

/** The scope whose signal was handed on, if it is one's. */
export function scopeOfSignal(signal: AbortSignal): RequestScope | undefined {
  return scopesBySignal.get(signal);
}

/** Calls back when an answer is complete, or its client has left. (Fastify's `onResponse` misses clients that leave.) */
export function whenDone(reply: FastifyReply, callback: () => void): void {
  const { callbacks } = scopeOf(reply);
  if (callbacks === undefined) callback();
  else callbacks.push(callback);
}
