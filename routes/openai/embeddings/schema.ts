import { Type, type Static } from '@fastify/type-provider-typebox';
import { MAX_INPUTS } from '#api/encoding/inputs.js';
import { modelField, TokenIds, truncationFields, usageField } from '#routes/shared/fields.js';
import { nullable, nullableEnum } from '#http/schemas/nullable.js';
import { errorResponses, json, MODEL_ERRORS, refTo } from '#http/schemas/shared.js';

const EmbeddingsRequest = Type.Object(
  {
    model: modelField(),
    input: Type.Union(
      [
        Type.String(),
        Type.Array(Type.String(), { minItems: 1, maxItems: MAX_INPUTS }),
        TokenIds,
        Type.Array(TokenIds, { minItems: 1, maxItems: MAX_INPUTS }),
      ],
      {
        description:
          'What to embed: a text, several texts, or the same as token ids, which the model reads as they are: special tokens included.',
        examples: ['A fox in the snow'],
      },
    ),
    encoding_format: nullableEnum(['float', 'base64'], {
      default: 'float',
      description: '`base64`: of little-endian single-precision floats, a quarter of the size.',
    }),
    dimensions: nullable(
      Type.Integer({
        minimum: 1,
        description:
          "Keep only the first so many components, and scale what is left to a length of 1. At most the model's own.",
      }),
    ),
    normalize: nullable(
      Type.Boolean({
        default: true,
        description:
          'Scale each embedding to a length of 1, as OpenAI does. Otherwise it is what the model gives.',
      }),
    ),
    user: nullable(Type.String({ description: 'Ignored.' })),
    ...truncationFields,
  },
  {
    $id: 'EmbeddingsRequest',
    description: 'Unknown fields are ignored.',
    examples: [{ model: 'encoder', input: ['A fox in the snow', 'A dog in the rain'] }],
  },
);

const Embedding = Type.Object(
  {
    object: Type.String({ const: 'embedding' }),
    index: Type.Integer({ description: 'Of the input.' }),
    embedding: Type.Union([Type.Array(Type.Number()), Type.String()], {
      description: 'As `encoding_format` says.',
    }),
  },
  { $id: 'Embedding' },
);

const EmbeddingList = Type.Object(
  {
    object: Type.String({ const: 'list' }),
    data: Type.Array(refTo(Embedding), { description: 'In the order of the inputs.' }),
    model: Type.String(),
    usage: usageField,
  },
  {
    $id: 'EmbeddingList',
    examples: [
      {
        object: 'list',
        data: [{ object: 'embedding', index: 0, embedding: [0.6, -0.8] }],
        model: 'encoder',
        usage: { prompt_tokens: 7, total_tokens: 7 },
      },
    ],
  },
);

/** To be made known before the route. */
export const schemas = [EmbeddingsRequest, Embedding, EmbeddingList];

export const embeddingsSchema = {
  operationId: 'createEmbeddings',
  summary: 'Embed texts',
  description: 'A vector for each text, such that texts of like meaning have vectors of like direction.',
  tags: ['Encoders'],
  body: refTo(EmbeddingsRequest),
  response: {
    200: json('The embeddings.', refTo(EmbeddingList)),
    ...errorResponses(MODEL_ERRORS),
  },
};

export type EmbeddingsRequest = Static<typeof EmbeddingsRequest>;
