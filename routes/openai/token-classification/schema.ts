import { Type, type Static } from 'typebox';
import { MAX_NAME, modelField, Texts, truncationFields, resultList } from '#routes/shared/fields.js';
import { described, nullable, nullableEnum } from '#http/schemas/nullable.js';
import { errorResponses, json, MODEL_ERRORS, refTo } from '#http/schemas/shared.js';

const TokenClassificationRequest = Type.Object(
  {
    model: modelField(),
    input: described(Texts, 'A text or several texts.'),
    aggregation_strategy: nullableEnum(['none', 'simple', 'first', 'average', 'max'], {
      default: 'simple',
      description:
        "How tokens become entities. `none`: not at all, each token is given with its label. `simple`: neighbours with the same label are one entity. The others first give every word one label: `first` that of its first token, `max` that of its most certain one, `average` the best by the mean of its tokens' scores.",
    }),
    ignore_labels: nullable(
      Type.Array(Type.String({ maxLength: MAX_NAME }), {
        maxItems: 1024,
        default: ['O'],
        description: 'Labels to leave out; those of entities are without `B-` and `I-`.',
      }),
    ),
    stride: nullable(
      Type.Integer({
        minimum: 0,
        description:
          'Read texts that are longer than the model can read in windows, of which two neighbours share so many tokens. Without it, such texts are truncated or refused.',
      }),
    ),
    ...truncationFields,
  },
  {
    $id: 'TokenClassificationRequest',
    description: 'Unknown fields are ignored.',
    examples: [{ model: 'encoder', input: 'Ada Lovelace lived in London' }],
  },
);

const Entity = Type.Object(
  {
    entity_group: Type.Optional(Type.String({ description: 'The label, without `B-` and `I-`.' })),
    entity: Type.Optional(Type.String({ description: "Only with the strategy `none`: the token's label." })),
    score: Type.Number({ description: "A probability; of an entity, the mean of its parts'." }),
    index: Type.Optional(
      Type.Integer({
        description: 'Only with the strategy `none`: which token it is, special ones counted.',
      }),
    ),
    word: Type.String({
      description: "That part of the text; with the strategy `none`, the vocabulary's spelling of the token.",
    }),
    start: Type.Integer({ description: 'Where it begins in the text, in Unicode characters (code points).' }),
    end: Type.Integer({ description: 'Where it ends: the character behind it.' }),
  },
  { $id: 'Entity' },
);

const TokenClassificationList = resultList(
  'TokenClassificationList',
  {
    data: Type.Array(
      Type.Object({
        index: Type.Integer({ description: 'Of the input.' }),
        entities: Type.Array(refTo(Entity), { description: 'In the order of the text.' }),
      }),
    ),
  },
  {
    prefix: 'tokens',
    results: [
      {
        index: 0,
        entities: [
          { entity_group: 'PER', score: 0.99, word: 'Ada Lovelace', start: 0, end: 12 },
          { entity_group: 'LOC', score: 0.98, word: 'London', start: 22, end: 28 },
        ],
      },
    ],
    tokens: 9,
  },
);

/** To be made known before the route. */
export const schemas = [TokenClassificationRequest, Entity, TokenClassificationList];

export const tokenClassificationSchema = {
  operationId: 'createTokenClassification',
  summary: 'Find entities',
  description:
    'Labels the tokens of texts, such as the names of people and places, and puts them together to entities, as the pipeline of transformers does.',
  tags: ['Encoders'],
  body: refTo(TokenClassificationRequest),
  response: {
    200: json('The entities of each text.', refTo(TokenClassificationList)),
    ...errorResponses(MODEL_ERRORS),
  },
};

export type Entity = Static<typeof Entity>;
