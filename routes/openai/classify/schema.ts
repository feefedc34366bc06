import { Type, type Static } from 'typebox';
import { MAX_INPUTS } from '#api/encoding/inputs.js';
import { DEFAULT_TEMPLATE } from '#api/encoding/zero-shot.js';
import { DEFAULT_HYPOTHESIS } from '#api/encoding/zero-shot-texts.js';
import {
  activationFields,
  MAX_NAME,
  modelField,
  resultList,
  specialTokensField,
  TokenIds,
  truncationFields,
  truncationSideField,
} from '#routes/shared/fields.js';
import { itemFields, messagesField } from '#routes/shared/input-items.js';
import { fieldsDescription } from '#routes/shared/peer-fields.js';
import { classifyPeerFields } from './peer-fields.js';
import { nullable } from '#http/schemas/nullable.js';
import { errorResponses, json, MODEL_ERRORS, refTo } from '#http/schemas/shared.js';

/** Most labels of a request's own. */
const MAX_LABELS = 1024;

const ClassifyItem = Type.Object(
  { ...itemFields, text_pair: nullable(Type.String()) },
  {
    description:
      'One text or one picture, in exactly one of the fields; or two texts that are read together, such as a premise and a hypothesis, in `text` and `text_pair`.',
    title: 'pair of texts or picture',
    examples: [{ text: 'A fox sleeps', text_pair: 'An animal rests' }],
  },
);

const ClassifyRequest = Type.Object(
  {
    model: modelField(),
    input: nullable(
      Type.Union(
        [
          Type.String(),
          ClassifyItem,
          TokenIds,
          Type.Array(Type.Union([Type.String(), ClassifyItem, TokenIds]), {
            minItems: 1,
            maxItems: MAX_INPUTS,
          }),
        ],
        {
          description:
            'A text, a pair of texts, the token ids of a text, special tokens included, or a picture; or a list of such, either all texts or all pictures.',
          examples: ['A warm and funny film'],
        },
      ),
    ),
    messages: messagesField,
    candidate_labels: nullable(
      Type.Union(
        [Type.String({ minLength: 1 }), Type.Array(Type.String(), { minItems: 1, maxItems: MAX_LABELS })],
        {
          description:
            'Labels of your own, as a list or as a text with commas between them: for texts, by a classifier of what follows from what (one of whose labels begins with `entail`), and for pictures, by a model that reads texts and pictures into one space.',
        },
      ),
    ),
    hypothesis_template: nullable(
      Type.String({
        maxLength: MAX_NAME,
        pattern: '\\{\\}',
        description: `Makes a text of each of \`candidate_labels\`, which stands in place of its \`{}\`. By default \`${DEFAULT_HYPOTHESIS}\` for texts, and \`${DEFAULT_TEMPLATE}\` for pictures.`,
      }),
    ),
    multi_label: nullable(
      Type.Boolean({
        default: false,
        description:
          'Whether several of `candidate_labels` may be right for a text: each then has a probability of its own. Otherwise they add up to 1.',
      }),
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
    probs: Type.Array(Type.Number(), {
      description: "All scores, in the order of the model's labels, or of `candidate_labels`.",
    }),
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
  summary: 'Classify texts or pictures',
  description: 'The labels of each text, pair of texts or picture, and how sure the model is of them.',
  tags: ['Encoders'],
  consumes: ['application/json', 'multipart/form-data'],
  body: refTo(ClassifyRequest),
  response: {
    200: json('The classifications, in the order of the inputs.', refTo(ClassificationList)),
    ...errorResponses(MODEL_ERRORS),
  },
};

export type ClassifyRequest = Static<typeof ClassifyRequest>;

export type ClassifyItem = Static<typeof ClassifyItem>;
