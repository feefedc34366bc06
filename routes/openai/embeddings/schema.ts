import { Type, type Static } from 'typebox';
import { MAX_INPUTS } from '#api/encoding/inputs.js';
import { FLOAT_TYPES } from '#results/float-bytes.js';
import {
  MAX_NAME,
  modelField,
  promptFields,
  specialTokensField,
  TokenIds,
  truncationFields,
  truncationSideField,
  usageField,
} from '#routes/shared/fields.js';
import { InputItem, messagesField } from '#routes/shared/input-items.js';
import { fieldsDescription } from '#routes/shared/peer-fields.js';
import { embeddingsPeerFields } from './peer-fields.js';
import { nullable, nullableEnum } from '#http/schemas/nullable.js';
import { errorResponses, json, MODEL_ERRORS, refTo } from '#http/schemas/shared.js';

const EmbeddingsRequest = Type.Object(
  {
    model: modelField(),
    input: nullable(
      Type.Union(
        [
          Type.String(),
          Type.Array(Type.String(), { minItems: 1, maxItems: MAX_INPUTS }),
          TokenIds,
          InputItem,
          Type.Array(Type.Union([Type.String(), TokenIds, InputItem]), {
            minItems: 1,
            maxItems: MAX_INPUTS,
          }),
        ],
        {
          description:
            "What to embed: a text, the token ids of one, a picture, or a list of such. Token ids are the model's own, and it reads them as they are: special tokens included, and without a prompt. Pictures take a model that reads them; texts and pictures in one list one that reads both into one space.",
          examples: ['A fox in the snow'],
        },
      ),
    ),
    messages: messagesField,
    encoding_format: nullableEnum(['float', 'base64', 'bytes', 'bytes_only'], {
      default: 'float',
      description:
        '`base64`: of the bytes of the numbers, a quarter of the size. `bytes` answers with the bytes of all embeddings, one behind the other, and says in the header `metadata` where each of them is; `bytes_only` leaves the header out.',
    }),
    embed_dtype: nullableEnum(FLOAT_TYPES, {
      default: 'float32',
      description: 'Number format of `base64` and bytes.',
    }),
    endianness: nullableEnum(['native', 'little', 'big'], {
      default: 'little',
      description: "Order of the bytes of `base64` and bytes; `native` is the server's.",
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
    use_activation: nullable(
      Type.Boolean({ description: "vLLM's name for `normalize`, which comes before it." }),
    ),
    user: nullable(Type.String({ description: 'Ignored.' })),
    ...promptFields,
    task: nullable(
      Type.String({
        maxLength: MAX_NAME,
        description:
          "What the embeddings are for, of a model that has an adapter for each task (jina-embeddings-v3): `retrieval.query`, `retrieval.passage`, `separation`, `classification` or `text-matching`. The task's instruction is put in front of each text unless `prompt` or `prompt_name` says otherwise. By default no adapter is used.",
      }),
    ),
    ...specialTokensField,
    ...truncationFields,
    ...truncationSideField,
  },
  {
    $id: 'EmbeddingsRequest',
    description: fieldsDescription(embeddingsPeerFields),
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
  summary: 'Embed texts and pictures',
  description:
    'A vector for each text or picture, such that those of like meaning have vectors of like direction.',
  tags: ['Encoders'],
  consumes: ['application/json', 'multipart/form-data'],
  body: refTo(EmbeddingsRequest),
  response: {
    200: json('The embeddings.', refTo(EmbeddingList)),
    ...errorResponses(MODEL_ERRORS),
  },
};

export type EmbeddingsRequest = Static<typeof EmbeddingsRequest>;
