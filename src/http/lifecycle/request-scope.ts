import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { EndedSequence, SequenceObserver } from '#api/generation/observers.js';
import type { Model } from '#registry/types.js';
import type { Caller } from '#caller.js';
import type { HttpError } from '../errors/errors.js';
import { network } from '../security/addresses.js';

declare module 'fastify' {
  interface FastifyRequest {
    readonly scope: RequestScope;
  }
}

/** One HTTP request, from its first byte to the last of its answer. */
export class RequestScope implements Caller {
  /** Whose model it asked for. */
  model: Model | undefined;
  /** Which API key it came with; not the key itself. */
  apiKey: string | undefined;
  /** The address it came from; of IPv6, its network of 64 bits. */
  readonly address: string;
  /** What it was refused with. */
  failure: HttpError | undefined;
  /** Of a recording that it sent, as far as it was heard. */
  audioSeconds: number | undefined;
  /** Whether its time was over before its answer was complete. */
  expired = false;
  /** Seconds after which the model that it asked for may have time. */
  retryAfter: (() => number) | undefined;
  /** Those that have ended, in that order. */
  readonly sequences: EndedSequence[] = [];
  readonly observers: SequenceObserver[] = [{ onEnd: sequence => this.sequences.push(sequence) }];
  readonly #controller = new AbortController();
  readonly #raw: ServerResponse;
  /** Undefined when the request has ended. */
  #callbacks: (() => void)[] | undefined = [];

  constructor(raw: ServerResponse, address: string) {
    this.address = network(address);
    this.#raw = raw;
    // Fastify's `request.signal` goes by the request's `close` event, which Node emits as soon as a body was
    // read.
    if (raw.destroyed) this.#end();
    else raw.once('close', () => this.#end());
  }

  /** Whose share of everything scarce the request takes: its API key's, or else its address's. */
  get client(): string {
    return this.apiKey ?? this.address;
  }

  /** Aborted when the client leaves before its answer is complete, or its time is over. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether the answer has been sent whole. */
  get answered(): boolean {
    return this.#raw.writableFinished;
  }

  abort(): void {
    this.#controller.abort();
  }

  /**
   * Calls back when the answer is complete, or the client has left, in the order in which callbacks were
   * given. (Fastify's `onResponse` misses clients that leave.)
   */
  whenDone(callback: () => void): void {
    if (this.#callbacks === undefined) callback();
    else this.#callbacks.push(callback);
  }

  #end(): void {
    if (!this.answered) this.abort();
    const callbacks = this.#callbacks ?? [];
    this.#callbacks = undefined;
    for (const callback of callbacks) callback();
  }
}

const scopes = new WeakMap<FastifyRequest, RequestScope>();

/** The scope of a reply's request, which begins with the first call. */
export function scopeOf({ request, raw }: FastifyReply): RequestScope {
  let scope = scopes.get(request);
  if (scope === undefined) scopes.set(request, (scope = new RequestScope(raw, request.ip)));
  return scope;
}

/** Gives requests their `scope`. Call it before anything else adds hooks. */
export function provideScopes(app: FastifyInstance): void {
  app.decorateRequest('scope', {
    getter(this: FastifyRequest) {
      return scopes.get(this)!;
    },
  });
  app.addHook('onRequest', async (_request, reply) => void scopeOf(reply));
}
