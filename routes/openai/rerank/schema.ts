import { Type } from 'typebox';
import { MAX_INPUTS } from '#api/encoding/inputs.js';
import {
  activationFields,
  instructionFields,
  modelField,
  resultList,
  specialTokensField,
  truncationFields,
  truncationSideField,
} from '#routes/shared/fields.js';
import { Compared } from '#routes/shared/compared.js';
import { InputItem } from '#routes/shared/input-items.js';
import { fieldsDescription } from '#routes/shared/peer-fields.js';
import { rerankPeerFields } from './peer-fields.js';
import { nullable } from '#http/schemas/nullable.js';
import { errorResponses, json, MODEL_ERRORS, refTo } from '#http/schemas/shared.js';

const RerankRequest = Type.Object(
  {
    model: modelField(),
    query: Type.Union([Type.String(), InputItem], {
      description: 'What is looked for: a text or a picture.',
      examples: ['Where do foxes live?'],
    }),
    documents: Type.Array(Compared, {
      minItems: 1,
      maxItems: MAX_INPUTS,
      description: 'Texts and pictures to put in order; texts may be strings.',
    }),
    top_n: nullable(
      Type.Integer({ minimum: 0, description: 'Give only so many of the best documents; 0 is all.' }),
    ),
    return_documents: nullable(
      Type.Boolean({
        default: true,
        description: 'Give each document too; by default those that are texts.',
      }),
    ),
    ...instructionFields,
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
      description:
        'From 0 to 1 for a cross-encoder, unless raw; for an embedder the cosine, from -1 to 1, but for a text and a picture where raw scores are asked for.',
    }),
    document: Type.Optional(InputItem),
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
  consumes: ['application/json', 'multipart/form-data'],
  body: refTo(RerankRequest),
  response: {
    200: json('The documents, the best first.', refTo(Ranking)),
    ...errorResponses(MODEL_ERRORS),
  },
};
