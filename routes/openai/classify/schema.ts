import { Type, type Static } from '@fastify/type-provider-typebox';
import { MAX_INPUTS } from '#api/encoding/inputs.js';
import {
  activationFields,
  modelField,
  resultList,
  specialTokensField,
  TokenIds,
  truncationFields,
  truncationSideField,
} from '#routes/shared/fields.js';
import { fieldsDescription } from '#routes/shared/peer-fields.js';
import { classifyPeerFields } from './peer-fields.js';
import { nullable } from '#http/schemas/nullable.js';
import { errorResponses, json, MODEL_ERRORS, refTo } from '#http/schemas/shared.js';

const TextPair = Type.Object(
  { text: Type.String(), text_pair: nullable(Type.String()) },
  {
    description: 'Two texts that are read together, such as a premise and a hypothesis.',
    title: 'pair of texts',
  },
);

const ClassifyRequest = Type.Object(
  {
    model: modelField(),
    input: Type.Union(
      [
        Type.String(),
        TextPair,
        TokenIds,
        Type.Array(Type.Union([Type.String(), TextPair, TokenIds]), { minItems: 1, maxItems: MAX_INPUTS }),
      ],
      {
        description:
          'A text, a pair of texts, or the token ids of a text, special tokens included; or a list of such.',
        examples: ['A warm and funny film'],
      },
    ),
    top_k: nullable(
      Type.Integer({ minimum: 1, description: 'Give only so many of the best labels in `scores`.' }),
    ),
    ...activationFields,
    ...specialTokensField,
    ...truncationFields,
    ...truncationSideField,
  },
  {
    $id: 'ClassifyRequest',
    description: fieldsDescription(classifyPeerFields),
    examples: [{ model: 'encoder', input: ['A warm and funny film', 'Two hours of boredom'], top_k: 1 }],
  },
);

const LabelScore = Type.Object(
  { label: Type.String(), score: Type.Number() },
  { $id: 'LabelScore', examples: [{ label: 'positive', score: 0.98 }] },
);

const Classification = Type.Object(
  {
    index: Type.Integer({ description: 'Of the input.' }),
    label: Type.String({ description: 'With the highest score.' }),
    scores: Type.Array(refTo(LabelScore), {
      description:
        'The best label first. The scores add up to 1 for a model of exclusive labels; they are probabilities each for one whose labels do not exclude each other; for a regression they are the predicted values.',
    }),
    probs: Type.Array(Type.Number(), { description: "All scores, in the order of the model's labels." }),
    num_classes: Type.Integer({ description: 'Number of labels.' }),
  },
  { $id: 'Classification' },
);

const ClassificationList = resultList(
  'ClassificationList',
  { data: Type.Array(refTo(Classification)) },
  {
    prefix: 'classify',
    results: [
      {
        index: 0,
        label: 'positive',
        scores: [{ label: 'positive', score: 0.98 }],
        probs: [0.02, 0.98],
        num_classes: 2,
      },
    ],
    tokens: 7,
  },
);

/** To be made known before the route. */
export const schemas = [ClassifyRequest, LabelScore, Classification, ClassificationList];

export const classifySchema = {
  operationId: 'createClassification',
  summary: 'Classify texts',
  description: 'The labels of each text, or pair of texts, and how sure the model is of them.',
  tags: ['Encoders'],
  body: refTo(ClassifyRequest),
  response: {
    200: json('The classifications, in the order of the inputs.', refTo(ClassificationList)),
    ...errorResponses(MODEL_ERRORS),
  },
};

export type ClassifyRequest = Static<typeof ClassifyRequest>;
