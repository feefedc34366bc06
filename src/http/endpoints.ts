import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema, RouteOptions } from 'fastify';
import { validationError } from './errors/validation.js';

type Validate = ((body: unknown) => boolean) & {
  readonly errors?: Parameters<typeof validationError>[0] | null;
};

/** What an endpoint of its own checks before its schema does. */
type Check = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

interface Endpoint {
  readonly app: FastifyInstance;
  readonly route: RouteOptions;
  validate?: Validate;
}

/** The endpoints that take bodies: one address may hand its requests to another. */
export class Endpoints {
  readonly #byUrl = new Map<string, Endpoint>();
  readonly #valid = new WeakSet<FastifyRequest>();
  readonly #handed = new WeakMap<FastifyRequest, string>();

  /** Takes note of the endpoints that are registered after it. */
  collect(app: FastifyInstance): void {
    const byUrl = this.#byUrl;
    app.addHook('onRoute', function (route) {
      if (route.method === 'POST') byUrl.set(route.url, { app: this, route });
    });
  }

  /**
   * Answers a request as if it had been sent to another address, whose schema checks its body.
   *
   * @param url of an endpoint that takes `POST`.
   * @throws KvasirError `invalid_request`, and as that endpoint
   */
  async answer(url: string, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    this.#handed.set(request, url);
    const endpoint = this.#byUrl.get(url)!;
    const { app, route } = endpoint;
    const validate = (endpoint.validate ??= compiled(app, route));
    for (const hook of [route.preValidation ?? []].flat()) await (hook as Check)(request, reply);
    if (!validate(request.body)) throw validationError(validate.errors ?? [], 'body');
    this.#valid.add(request);
    return route.handler.call(app, request, reply);
  }

  /** Whether a request was handed to an endpoint whose schema allows its body. */
  isValid(request: FastifyRequest): boolean {
    return this.#valid.has(request);
  }

  /** The address that a request was handed to, if so. */
  handedTo(request: FastifyRequest): string | undefined {
    return this.#handed.get(request);
  }
}

function compiled(app: FastifyInstance, { url, schema }: RouteOptions): Validate {
  const { body } = schema as FastifySchema;
  return app.validatorCompiler!({
    schema: body,
    method: 'POST',
    url,
    httpPart: 'body',
  }) as unknown as Validate;
}
