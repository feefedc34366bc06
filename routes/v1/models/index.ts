import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { RouteOptions } from '../../../src/http/route-options.js';
import type { Model } from '../../../src/registry/types.js';
import { listSchema, modelSchema, schemas } from './schema.js';

const models: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { registry }) => {
  for (const schema of schemas) app.addSchema(schema);

  app.get('', { schema: listSchema }, async () => ({ object: 'list', data: registry.list().map(describe) }));

  app.get('/:model', { schema: modelSchema }, async request => describe(registry.get(request.params.model)));

  // A name with slashes that were not encoded; a second address of the same thing, so it is not documented.
  app.get<{ Params: { '*': string } }>('/*', { schema: { hide: true } }, async request =>
    describe(registry.get(request.params['*'])),
  );
};

function describe(model: Model): object {
  return {
    id: model.id,
    object: 'model',
    created: model.created,
    owned_by: 'kvasir',
    max_model_len: model.contextLength,
    task: model.kind === 'generation' ? 'text-generation' : model.task,
  };
}

export default models;
