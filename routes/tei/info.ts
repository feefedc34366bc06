import { mapOf } from '#http/schemas/map-of.js';
import { Type, type Static } from 'typebox';
import type { App } from '#http/app.js';
import { findModel, requireAbility } from '#http/model.js';
import { MAX_INPUTS } from '#api/encoding/inputs.js';
import { MAX_NAME } from '#routes/shared/fields.js';
import { COMMON_ERRORS, json } from '#http/schemas/shared.js';
import type { ModelCard } from '#registry/card.js';
import type { ModelRegistry, ServedEntry } from '#registry/types.js';
import { teiErrorResponses } from './errors.js';
import { TAG } from './fields.js';

const Labels = Type.Object({
  id2label: mapOf(Type.String()),
  label2id: mapOf(Type.Integer()),
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
    description: 'Whether inputs that are too long are cut unless a request says otherwise.',
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
      Type.String({
        maxLength: MAX_NAME,
        description: 'Its name. By default the first encoder.',
        examples: ['encoder'],
      }),
    ),
  }),
  response: { 200: json('The model.', Info, EXAMPLE), ...teiErrorResponses([...COMMON_ERRORS, 400, 404]) },
};

/** `GET /info` */
export function info(app: App, registry: ModelRegistry): void {
  app.get('/info', { schema }, async ({ query }) => {
    const { id, card } = servedFor(registry, query.model);
    return {
      model_id: id,
      model_type: modelType(card),
      model_dtype: 'float32',
      max_input_length: card?.contextLength ?? 0,
      max_client_batch_size: MAX_INPUTS,
      auto_truncate: card?.autoTruncate ?? false,
    };
  });
}

/**
 * The model that a client of text-embeddings-inference means: the one that it names, or the first that reads
 * texts in one go.
 */
function servedFor(registry: ModelRegistry, name: string | undefined): ServedEntry {
  const isEncoder = ({ card }: ServedEntry): boolean =>
    card !== undefined && card.abilities.has('tokenize') && card.abilities.has('tensors');
  const first = name === undefined ? registry.entries().find(isEncoder) : undefined;
  const entry = first ?? findModel(registry, name, 'tokenize');
  if (entry.card !== undefined) requireAbility(entry.id, entry.card, 'tokenize');
  return entry;
}

function modelType(card: ModelCard | undefined): Static<typeof Info>['model_type'] {
  if (card?.abilities.has('embed')) return { embedding: {} };
  if (!card?.abilities.has('classify')) return {};
  const labels = {
    id2label: Object.fromEntries(card.labels.map((label, id) => [id, label])),
    label2id: Object.fromEntries(card.labels.map((label, id) => [label, id])),
  };
  return card.abilities.has('score') ? { reranker: labels } : { classifier: labels };
}
