import { KvasirError } from '#errors.js';
import type { ModelReference } from './reference.js';
import { cancelled, TransientError, withRetries, type Retries } from './retries.js';

interface HubClientOptions extends Pick<Retries, 'backoff' | 'onRetry' | 'signal'> {
  /** Address of the hub, such as `https://huggingface.co`. */
  readonly endpoint: string;
  /** Access token; undefined: none. */
  readonly token: string | undefined;
  /** The model that is asked for, which errors name. */
  readonly model: ModelReference;
  /** Milliseconds without a byte after which a connection counts as broken. */
  readonly patience: number;
}

/** A response whose body is read as it arrives. */
export interface Download {
  readonly status: number;
  readonly headers: Headers;
  /**
   * May be read once; leaving the loop ends the connection.
   *
   * @throws TransientError where the connection breaks
   */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Requests to one hub about one model. The token goes to the hub alone, not to where it redirects. */
export class HubClient {
  readonly #options: HubClientOptions;
  readonly #origin: string;

  /** @throws KvasirError `invalid_configuration` where the endpoint is no address */
  constructor(options: HubClientOptions) {
    this.#options = options;
    try {
      this.#origin = new URL(options.endpoint).origin;
    } catch (cause) {
      throw new KvasirError('invalid_configuration', `the hub's address '${options.endpoint}' is not a URL`, {
        cause,
      });
    }
  }

  get endpoint(): string {
    return this.#options.endpoint;
  }

  /** Settings for repeating its requests. */
  get retries(): Retries {
    return this.#options;
  }

  /**
   * `fetch` for small answers, which are read whole and tried again where they fail: for the hub's own client
   * library.
   *
   * @throws KvasirError `access_denied`, `model_not_found`, `download_failed`
   */
  readonly fetch: typeof fetch = (input, init) =>
    withRetries(async () => {
      const url = input instanceof Request ? input.url : String(input);
      const { status, headers, chunks } = await this.open(url, new Headers(init?.headers));
      const parts: Uint8Array[] = [];
      for await (const chunk of chunks) parts.push(chunk);
      return new Response(Buffer.concat(parts), { status, headers });
    }, this.#options);

  /**
   * Sends one request, without repeating it.
   *
   * @throws TransientError where it may go better next time; KvasirError `access_denied`, `model_not_found`,
   * `download_failed`, `cancelled`
   */
  async open(url: string, headers: Headers): Promise<Download> {
    const { token, patience, signal } = this.#options;
    headers.set('user-agent', 'kvasir');
    if (token !== undefined && new URL(url).origin === this.#origin)
      headers.set('authorization', `Bearer ${token}`);
    const connection = new Connection(url, patience, signal);
    const response = await connection.watch(() => fetch(url, { headers, signal: connection.signal }));
    if (!response.ok) {
      connection.end();
      throw this.#refusal(url, response);
    }
    return { status: response.status, headers: response.headers, chunks: connection.read(response) };
  }

  #refusal(url: string, { status, headers }: Response): Error {
    const { endpoint, token, model } = this.#options;
    const { host } = new URL(url);
    if (status === 408 || status === 429 || status >= 500)
      return new TransientError(`${host} answered ${status}`, { retryAfter: retryAfter(headers) });
    const code = headers.get('x-error-code') ?? '';
    const page = `${endpoint}/${model.repo}`;
    if (code === 'GatedRepo')
      return new KvasirError(
        'access_denied',
        `${model.repo} is gated: accept its conditions at ${page}, and set HF_TOKEN to a token of that account`,
      );
    if (status === 401 || status === 403)
      return new KvasirError(
        'access_denied',
        token === undefined
          ? `${host} does not show ${model.repo} without a token: it is private or does not exist; set HF_TOKEN`
          : `${host} does not show ${model.repo} to the owner of HF_TOKEN: it is private or does not exist, or the token is not valid`,
      );
    if (status === 404)
      return new KvasirError(
        'model_not_found',
        code === 'RevisionNotFound'
          ? `${host} has no revision '${model.revision}' of ${model.repo}`
          : code === 'EntryNotFound'
            ? `${host} has no file ${new URL(url).pathname}`
            : `${host} has no model ${model.repo}`,
      );
    return new KvasirError('download_failed', `${host} answered ${status} to ${url}`);
  }
}

/** A request in progress, given up when no byte arrives for a while. */
class Connection {
  readonly #url: string;
  readonly #patience: number;
  readonly #caller: AbortSignal | undefined;
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #timedOut = false;

  constructor(url: string, patience: number, caller: AbortSignal | undefined) {
    this.#url = url;
    this.#patience = patience;
    this.#caller = caller;
    this.#timer = setTimeout(() => {
      this.#timedOut = true;
      this.#controller.abort();
    }, patience);
  }

  get signal(): AbortSignal {
    const { signal } = this.#controller;
    return this.#caller === undefined ? signal : AbortSignal.any([signal, this.#caller]);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#controller.abort();
  }

  /** Waits for a part of the answer, and turns a failure of the connection into a {@link TransientError}. */
  async watch<T>(wait: () => Promise<T>): Promise<T> {
    try {
      return await wait();
    } catch (cause) {
      this.end();
      if (this.#caller?.aborted) return cancelled(cause);
      const { host } = new URL(this.#url);
      if (this.#timedOut)
        throw new TransientError(`${host} sent nothing for ${this.#patience / 1000} s`, { cause });
      // fetch says only "fetch failed" or "terminated"; the reason lies underneath.
      const reason = ((cause as Error).cause ?? cause) as NodeJS.ErrnoException;
      const what = reason.message || reason.code || 'no reason given';
      throw new TransientError(`the connection to ${host} failed: ${what}`, { cause });
    }
  }

  /** The body, piece by piece. */
  async *read({ body }: Response): AsyncGenerator<Uint8Array> {
    try {
      if (body === null) return;
      const reader = (body as ReadableStream<Uint8Array>).getReader();
      for (;;) {
        const { done, value } = await this.watch(() => reader.read());
        if (done) return;
        this.#timer.refresh();
        yield value;
      }
    } finally {
      this.end();
    }
  }
}

/** `Retry-After` in milliseconds; the form with a date is not used by hubs. */
function retryAfter(headers: Headers): number | undefined {
  const value = headers.get('retry-after');
  const seconds = Number(value);
  return value === null || !(seconds >= 0) ? undefined : seconds * 1000;
}
