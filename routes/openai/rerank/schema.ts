import { Type } from '@fastify/type-provider-typebox';
import { MAX_INPUTS } from '#api/encoding/inputs.js';
import {
  activationFields,
  modelField,
  resultList,
  specialTokensField,
  truncationFields,
  truncationSideField,
} from '#routes/shared/fields.js';
import { fieldsDescription } from '#routes/shared/peer-fields.js';
import { rerankPeerFields } from './peer-fields.js';
import { nullable } from '#http/schemas/nullable.js';
import { errorResponses, json, MODEL_ERRORS, refTo } from '#http/schemas/shared.js';

const RerankRequest = Type.Object(
  {
    model: modelField(),
    query: Type.String({ description: 'What is looked for.', examples: ['Where do foxes live?'] }),
    documents: Type.Array(Type.Union([Type.String(), Type.Object({ text: Type.String() })]), {
      minItems: 1,
      maxItems: MAX_INPUTS,
      description: 'Texts to put in order, as strings or in the field `text` of objects.',
    }),
    top_n: nullable(
      Type.Integer({ minimum: 0, description: 'Give only so many of the best documents; 0 is all.' }),
    ),
    return_documents: nullable(
      Type.Boolean({ default: true, description: 'Give the text of each document too.' }),
    ),
    ...activationFields,
    ...specialTokensField,
    ...truncationFields,
    ...truncationSideField,
  },
  {
    $id: 'RerankRequest',
    description: fieldsDescription(rerankPeerFields),
    examples: [
      {
        model: 'encoder',
        query: 'Where do foxes live?',
        documents: ['The price of tea', 'A fox digs its den in the wood'],
        top_n: 1,
      },
    ],
  },
);

const RankedDocument = Type.Object(
  {
    index: Type.Integer({ description: 'Of the document in the request.' }),
    relevance_score: Type.Number({
      description: 'From 0 to 1 for a cross-encoder, unless raw; for an embedder the cosine, from -1 to 1.',
    }),
    document: Type.Optional(Type.Object({ text: Type.String() })),
  },
  { $id: 'RankedDocument' },
);

const Ranking = resultList(
  'Ranking',
  { results: Type.Array(refTo(RankedDocument), { description: 'The most relevant document first.' }) },
  {
    prefix: 'rerank',
    results: [{ index: 1, relevance_score: 0.93, document: { text: 'A fox digs its den in the wood' } }],
    tokens: 27,
  },
);

/** To be made known before the route. */
export const schemas = [RerankRequest, RankedDocument, Ranking];

export const rerankSchema = {
  operationId: 'createRanking',
  summary: 'Put documents in order',
  description:
    'Sorts documents by their relevance to a query, in the form of Jina and Cohere. A classifier with one label (a cross-encoder) reads each document together with the query; of an embedder, the cosine of the embeddings counts.',
  tags: ['Encoders'],
  body: refTo(RerankRequest),
  response: {
    200: json('The documents, the best first.', refTo(Ranking)),
    ...errorResponses(MODEL_ERRORS),
  },
};
