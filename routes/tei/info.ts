import { Type, type Static } from '@fastify/type-provider-typebox';
import type { App } from '#http/app.js';
import { isCrossEncoder } from '#http/encoders/models.js';
import { MAX_INPUTS } from '#http/schemas/encoding.js';
import { COMMON_ERRORS, json } from '#http/schemas/shared.js';
import { anyModel } from '#http/served-model.js';
import type { Model, ModelRegistry } from '#registry/types.js';
import { teiErrorResponses } from './errors.js';
import { TAG } from './fields.js';

const Labels = Type.Object({
  id2label: Type.Record(Type.String(), Type.String()),
  label2id: Type.Record(Type.String(), Type.Integer()),
});

const Info = Type.Object({
  model_id: Type.String(),
  model_type: Type.Object(
    {
      embedding: Type.Optional(Type.Object({})),
      classifier: Type.Optional(Labels),
      reranker: Type.Optional(Labels),
    },
    { description: 'One entry: what the model does. Empty for a model that does none of this.' },
  ),
  model_dtype: Type.String({
    description: 'Of activations; weights may be stored with fewer bits.',
    const: 'float32',
  }),
  max_input_length: Type.Integer({ description: 'Longest input in tokens.' }),
  max_client_batch_size: Type.Integer({ description: 'Most inputs in one request.' }),
  auto_truncate: Type.Boolean({
    description: 'Whether inputs are cut unless a request says so: they are not.',
  }),
});

const EXAMPLE: Static<typeof Info> = {
  model_id: 'encoder',
  model_type: { embedding: {} },
  model_dtype: 'float32',
  max_input_length: 512,
  max_client_batch_size: MAX_INPUTS,
  auto_truncate: false,
};

const schema = {
  operationId: 'teiInfo',
  summary: 'Describe an encoder',
  description: 'What a client of text-embeddings-inference asks before it sends texts.',
  tags: [TAG],
  querystring: Type.Object({
    model: Type.Optional(
      Type.String({ description: 'Its name. By default the first encoder.', examples: ['encoder'] }),
    ),
  }),
  response: { 200: json('The model.', Info, EXAMPLE), ...teiErrorResponses([...COMMON_ERRORS, 400, 404]) },
};

/** `GET /info` */
export function info(app: App, registry: ModelRegistry): void {
  app.get('/info', { schema }, async ({ query }) => {
    const firstEncoder = registry.list().find(({ kind }) => kind === 'encoder');
    const model = anyModel(registry, query.model ?? firstEncoder?.id);
    return {
      model_id: model.id,
      model_type: modelType(model),
      model_dtype: 'float32',
      max_input_length: model.contextLength,
      max_client_batch_size: MAX_INPUTS,
      auto_truncate: false,
    };
  });
}

function modelType(model: Model): Static<typeof Info>['model_type'] {
  if (model.kind !== 'encoder') return {};
  if (model.task === 'embedding') return { embedding: {} };
  if (model.task !== 'sequence-classification') return {};
  const labels = {
    id2label: Object.fromEntries(model.labels.map((label, id) => [id, label])),
    label2id: Object.fromEntries(model.labels.map((label, id) => [label, id])),
  };
  return isCrossEncoder(model) ? { reranker: labels } : { classifier: labels };
}
