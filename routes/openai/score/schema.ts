import { Type, type Static } from 'typebox';
import {
  activationFields,
  instructionFields,
  modelField,
  resultList,
  specialTokensField,
  truncationFields,
  truncationSideField,
} from '#routes/shared/fields.js';
import { ComparedList } from '#routes/shared/compared.js';
import { fieldsDescription } from '#routes/shared/peer-fields.js';
import { scorePeerFields } from './peer-fields.js';
import { described, nullable } from '#http/schemas/nullable.js';
import { errorResponses, json, MODEL_ERRORS, refTo } from '#http/schemas/shared.js';

const ScoreRequest = Type.Object(
  {
    model: modelField(),
    text_1: nullable(
      described(
        ComparedList,
        'One text or picture, which is paired with each of `text_2`, or as many as `text_2` has.',
      ),
    ),
    text_2: nullable(described(ComparedList, 'The second text or picture of each pair.')),
    queries: nullable(described(ComparedList, 'With `documents`: as `text_1`.')),
    documents: nullable(described(ComparedList, 'With `queries`: as `text_2`.')),
    data_1: nullable(described(ComparedList, 'With `data_2`: as `text_1`.')),
    data_2: nullable(described(ComparedList, 'With `data_1`: as `text_2`.')),
    items: nullable(described(ComparedList, 'With `queries`: as `documents`.')),
    ...instructionFields,
    ...activationFields,
    ...specialTokensField,
    ...truncationFields,
    ...truncationSideField,
  },
  {
    $id: 'ScoreRequest',
    description: `The texts and pictures are in \`text_1\` and \`text_2\`, or else in another such pair of fields. ${fieldsDescription(scorePeerFields)}`,
    examples: [
      { model: 'encoder', text_1: 'A fox in the snow', text_2: ['A dog in the rain', 'A fox on the ice'] },
    ],
  },
);

const PairScore = Type.Object(
  {
    index: Type.Integer({ description: 'Of the pair.' }),
    object: Type.String({ const: 'score' }),
    score: Type.Number({
      description:
        'From 0 to 1 for a cross-encoder, unless raw; for an embedder the cosine, from -1 to 1, but for a text and a picture where raw scores are asked for.',
    }),
  },
  { $id: 'PairScore' },
);

const PairScoreList = resultList(
  'PairScoreList',
  { data: Type.Array(refTo(PairScore)) },
  {
    prefix: 'score',
    results: [
      { index: 0, object: 'score', score: 0.31 },
      { index: 1, object: 'score', score: 0.84 },
    ],
    tokens: 21,
  },
);

/** To be made known before the route. */
export const schemas = [ScoreRequest, PairScore, PairScoreList];

export const scoreSchema = {
  operationId: 'createScore',
  summary: 'Score pairs of texts or pictures',
  description:
    'How well two texts, two pictures, or a text and a picture go together, in the form of vLLM: by a classifier with one label (a cross-encoder) that reads both texts, or by the cosine of their embeddings.',
  tags: ['Encoders'],
  consumes: ['application/json', 'multipart/form-data'],
  body: refTo(ScoreRequest),
  response: {
    200: json('The scores, in the order of the pairs.', refTo(PairScoreList)),
    ...errorResponses(MODEL_ERRORS),
  },
};

export type ScoreRequest = Static<typeof ScoreRequest>;
