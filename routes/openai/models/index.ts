import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { transcriptFormats } from '#api/transcription/fields.js';
import { capabilitiesOf, mediaOf } from '#http/capabilities.js';
import type { RouteOptions } from '#http/route-options.js';
import type { ModelCard } from '#registry/card.js';
import type { ServedEntry } from '#registry/types.js';
import { listSchema, modelSchema, schemas } from './schema.js';

const models: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { registry }) => {
  for (const schema of schemas) app.addSchema(schema);

  const started = Math.floor(Date.now() / 1000);

  const list = () => ({
    object: 'list',
    data: registry.entries().map(entry => describe(entry, started)),
  });
  app.get('', { schema: listSchema }, async () => list());
  app.get('/', { schema: { hide: true }, prefixTrailingSlash: 'slash' }, async () => list());

  app.get('/:model', { schema: modelSchema }, async request =>
    describe(registry.entry(request.params.model), started),
  );

  // A name with slashes that were not encoded; a second address of the same thing, so it is not documented.
  app.get<{ Params: { '*': string } }>('/*', { schema: { hide: true } }, async request =>
    describe(registry.entry(request.params['*']), started),
  );
};

function describe({ id, aliases, state, card, model }: ServedEntry, started: number): object {
  return {
    id,
    object: 'model',
    created: model?.created ?? started,
    owned_by: 'kvasir',
    aliases,
    state,
    ...(card && {
      ...(card.contextLength !== undefined && { max_model_len: card.contextLength }),
      task: card.task,
      capabilities: capabilitiesOf(card),
      input_modalities: mediaOf(card),
      ...(Object.keys(card.sampling ?? {}).length > 0 && {
        default_sampling: samplingFields(card.sampling!),
      }),
      ...(card.translates && { languages: card.translates }),
      ...(card.hears && {
        spoken_languages: card.hears.languages,
        transcript_formats: transcriptFormats(card.hears),
      }),
    }),
  };
}

/** By the names that requests have for them. */
function samplingFields(sampling: NonNullable<ModelCard['sampling']>): object {
  const { temperature, topK, topP, minP, repetitionPenalty, maxTokens } = sampling;
  return {
    temperature,
    top_k: topK,
    top_p: topP,
    min_p: minP,
    repetition_penalty: repetitionPenalty,
    max_tokens: maxTokens,
  };
}

export default models;
