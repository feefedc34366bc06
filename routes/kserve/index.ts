import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { KvasirError } from '#errors.js';
import { errorBody } from '#http/errors/errors.js';
import { notReady } from '#http/ready.js';
import type { RouteOptions } from '#http/route-options.js';
import { answerErrors } from './errors.js';
import { infer } from './infer.js';
import { modelMetadata } from './metadata.js';
import { VERSION } from './response.js';
import { liveSchema, modelReadySchema, modelSchema, readySchema, schemas, serverSchema } from './schema.js';

/** The Open Inference Protocol, version 2, as KServe and Triton speak it over HTTP: https://github.com/kserve/open-inference-protocol */
export const kserve: FastifyPluginAsyncTypebox<RouteOptions> = async (app, options) => {
  await app.register(endpoints, { ...options, prefix: '/v2' });
};

const endpoints: FastifyPluginAsyncTypebox<RouteOptions> = async (
  app,
  { registry, watchdog, version, pictures },
) => {
  answerErrors(app);
  for (const schema of schemas) app.addSchema(schema);
  app.addHook('preHandler', async ({ params }) => knownVersion(params));

  app.get('', { schema: serverSchema }, async () => ({
    name: 'kvasir',
    version,
    extensions: ['binary_tensor_data'],
  }));

  app.get('/health/live', { schema: liveSchema }, async (_request, reply) => {
    const fault = watchdog.fault(performance.now());
    if (fault === undefined) return { live: true };
    return reply.code(503).send(errorBody('server_error', fault));
  });

  app.get('/health/ready', { schema: readySchema }, async (_request, reply) => {
    const fault = notReady(registry, watchdog);
    if (fault === undefined) return { ready: true };
    return reply.code(503).send(errorBody('server_error', fault.message));
  });

  for (const path of ['/models/:model', '/models/:model/versions/:version'] as const) {
    const hide = path.includes('versions');
    app.get(path, { schema: { ...modelSchema, hide } }, async request => {
      const { model: name } = request.params;
      const { card } = registry.entry(name);
      const isCalled = card === undefined || card.abilities.has('tensors');
      return modelMetadata(name, isCalled ? await request.model('tensors') : undefined);
    });
    app.get(`${path}/ready`, { schema: { ...modelReadySchema, hide } }, async ({ params }, reply) => {
      const { state, model } = registry.entry(params.model);
      const fault =
        state === 'failed'
          ? 'the model could not be loaded'
          : watchdog.broken(model) === 'always'
            ? 'the numbers of the model are not finite: its weights are broken'
            : undefined;
      if (fault === undefined) return { name: params.model, ready: true };
      return reply.code(503).send(errorBody('server_error', fault));
    });
  }
  infer(app, pictures);
};

/** @throws KvasirError `model_not_found` */
function knownVersion(params: unknown): void {
  const { version = VERSION } = params as { version?: string };
  if (version !== VERSION)
    throw new KvasirError(
      'model_not_found',
      `models have the version ${VERSION} only, not ${JSON.stringify(version)}`,
      { param: 'version' },
    );
}
