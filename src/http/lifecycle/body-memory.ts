import { Transform, type TransformCallback } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { formatMemory } from '#bytes.js';
import { KvasirError } from '#errors.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Name of the server's setting that says how large a body of the route may be; by default `body_limit`. */
    readonly limitSetting?: string;
  }
}

/** Bodies up to this size are always taken: the limit of connections bounds what they take together. */
const ALWAYS = 64 * 1024;

/** The largest part of it for one client: the rest is for others. */
const SHARE = 1 / 2;

/** Bytes that a parsed value takes beside its text. */
const VALUE_BYTES = 32;

/**
 * Bounds the memory that bodies take, from the moment on when one is announced until its request has been
 * answered. Above the limit requests are refused before they are read, with 503.
 */
export class BodyMemory {
  readonly #limit: number;
  #total = 0;
  readonly #byClient = new Map<string, number>();
  readonly #held = new WeakMap<FastifyRequest, number>();

  /** @param limit bytes of all bodies together. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes that are taken now. */
  get total(): number {
    return this.#total;
  }

  /**
   * Raises what a request takes to so many bytes.
   *
   * @throws KvasirError `overloaded` where that is more than is left, for all or for this client;
   * `invalid_request` where it always will be
   */
  take(request: FastifyRequest, bytes: number): void {
    const held = this.#held.get(request) ?? 0;
    if (bytes <= Math.max(held, ALWAYS)) return;
    const more = bytes - held;
    const client = request.scope.client;
    const own = (this.#byClient.get(client) ?? 0) + more;
    if (bytes > this.#limit)
      throw new KvasirError('invalid_request', `the body takes more than ${this.#limit} bytes of memory`);
    // One large body alone may take more than a share.
    if ((own > this.#limit * SHARE && own > bytes) || this.#total + more > this.#limit)
      throw new KvasirError('overloaded', 'too many large requests are under way; try again later');
    this.#total += more;
    this.#byClient.set(client, own);
    this.#held.set(request, bytes);
    if (held === 0) request.scope.whenDone(() => this.#release(request, client));
  }

  /** Raises it to what a body takes that was parsed. */
  takeParsed(request: FastifyRequest, bytes: number, values: number): void {
    this.take(request, bytes + VALUE_BYTES * values);
  }

  #release(request: FastifyRequest, client: string): void {
    const bytes = this.#held.get(request)!;
    this.#held.delete(request);
    this.#total -= bytes;
    const own = this.#byClient.get(client)! - bytes;
    if (own > 0) this.#byClient.set(client, own);
    else this.#byClient.delete(client);
  }
}

/** Takes account of bodies before they are read: of one in chunks, whose size nobody knows, as it comes. */
export function limitBodies(app: FastifyInstance, memory: BodyMemory): void {
  app.addHook('preParsing', (request, reply, payload, done) => {
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
    const take = (bytes: number): void => {
      const limit = request.routeOptions.bodyLimit;
      if (bytes > limit) {
        // The client may send the rest of it, which nobody reads.
        void reply.header('connection', 'close');
        throw bodyTooLarge(limit, request.routeOptions.config.limitSetting ?? 'body_limit');
      }
      memory.take(request, bytes);
    };
    try {
      take(Number(length ?? 0));
    } catch (error) {
      done(error as KvasirError);
      return;
    }
    done(null, encoding === undefined ? payload : payload.pipe(counted(take)));
  });
}

/** @param setting what the limit is called in the server's settings. */
function bodyTooLarge(limit: number, setting: string): KvasirError {
  const flag = `--${setting.replace('_', '-')}`;
  return new KvasirError(
    'body_too_large',
    `the body has more than ${formatMemory(limit)}, which is the most that this endpoint takes; the server's setting ${setting} (${flag}) raises it`,
  );
}

/** @param take told how many bytes there were so far. */
function counted(take: (bytes: number) => void): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      try {
        take((bytes += chunk.length));
        done(null, chunk);
      } catch (error) {
        done(error as KvasirError);
      }
    },
  });
}
