import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { capabilitiesOf } from '#http/capabilities.js';
import type { RouteOptions } from '#http/route-options.js';
import type { Model, ServedEntry } from '#registry/types.js';
import { listSchema, modelSchema, schemas } from './schema.js';

const models: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { registry }) => {
  for (const schema of schemas) app.addSchema(schema);

  const started = Math.floor(Date.now() / 1000);

  app.get('', { schema: listSchema }, async () => ({
    object: 'list',
    data: registry.entries().map(entry => describe(entry, started)),
  }));

  app.get('/:model', { schema: modelSchema }, async request =>
    describe(registry.entry(request.params.model), started),
  );

  // A name with slashes that were not encoded; a second address of the same thing, so it is not documented.
  app.get<{ Params: { '*': string } }>('/*', { schema: { hide: true } }, async request =>
    describe(registry.entry(request.params['*']), started),
  );
};

function describe({ id, aliases, state, model }: ServedEntry, started: number): object {
  return {
    id,
    object: 'model',
    created: model?.created ?? started,
    owned_by: 'kvasir',
    aliases,
    state,
    ...(model !== undefined && { ...sizeAndTask(model), capabilities: capabilitiesOf(model) }),
  };
}

function sizeAndTask(model: Model): object {
  switch (model.kind) {
    case 'generation':
      return { max_model_len: model.contextLength, task: 'text-generation' };
    case 'encoder':
      return { max_model_len: model.contextLength, task: model.task };
    case 'raw':
      return { task: 'raw-tensors' };
  }
}

export default models;
