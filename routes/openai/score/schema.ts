import { Type } from '@fastify/type-provider-typebox';
import {
  exampleList,
  listFields,
  modelField,
  Texts,
  truncationFields,
  usageField,
} from '#routes/shared/fields.js';
import { described, nullable } from '#http/schemas/nullable.js';
import { errorResponses, json, MODEL_ERRORS, refTo } from '#http/schemas/shared.js';

const ScoreRequest = Type.Object(
  {
    model: modelField(),
    text_1: described(Texts, 'One text, which is paired with each of `text_2`, or as many as `text_2` has.'),
    text_2: described(Texts, 'The second text of each pair.'),
    raw_scores: nullable(
      Type.Boolean({ default: false, description: "A cross-encoder's logits in place of their sigmoid." }),
    ),
    ...truncationFields,
  },
  {
    $id: 'ScoreRequest',
    description: 'Unknown fields are ignored.',
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
      description: 'From 0 to 1 for a cross-encoder, unless raw; for an embedder the cosine, from -1 to 1.',
    }),
  },
  { $id: 'PairScore' },
);

const PairScoreList = Type.Object(
  { ...listFields, data: Type.Array(refTo(PairScore)), usage: usageField },
  {
    $id: 'PairScoreList',
    examples: [
      {
        ...exampleList('score'),
        data: [
          { index: 0, object: 'score', score: 0.31 },
          { index: 1, object: 'score', score: 0.84 },
        ],
        usage: { prompt_tokens: 21, total_tokens: 21 },
      },
    ],
  },
);

/** To be made known before the route. */
export const schemas = [ScoreRequest, PairScore, PairScoreList];

export const scoreSchema = {
  operationId: 'createScore',
  summary: 'Score pairs of texts',
  description:
    'How well two texts go together, in the form of vLLM: by a classifier with one label (a cross-encoder) that reads both, or by the cosine of their embeddings.',
  tags: ['Encoders'],
  body: refTo(ScoreRequest),
  response: {
    200: json('The scores, in the order of the pairs.', refTo(PairScoreList)),
    ...errorResponses(MODEL_ERRORS),
  },
};
