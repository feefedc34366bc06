import { Type } from 'typebox';
import { MAX_MASKS } from '#api/fill-mask/masks.js';
import { MAX_NAME, modelField, Texts, truncationFields, resultList } from '#routes/shared/fields.js';
import { described, nullable } from '#http/schemas/nullable.js';
import { errorResponses, json, MODEL_ERRORS, refTo } from '#http/schemas/shared.js';

const Target = Type.String({ maxLength: MAX_NAME });

const FillMaskRequest = Type.Object(
  {
    model: modelField(),
    input: described(
      Texts,
      `A text or several texts, each with the model's mask token (mostly \`[MASK]\` or \`<mask>\`) at least once, all together at most ${MAX_MASKS} times.`,
    ),
    top_k: nullable(
      Type.Integer({
        minimum: 1,
        maximum: 100,
        default: 5,
        description: 'How many tokens to give for each mask.',
      }),
    ),
    targets: nullable(
      Type.Union([Target, Type.Array(Target, { minItems: 1, maxItems: 1000 })], {
        description:
          'Consider only these words, each of which must be one token. Their scores are still among all tokens.',
      }),
    ),
    ...truncationFields,
  },
  {
    $id: 'FillMaskRequest',
    description: 'Unknown fields are ignored.',
    examples: [{ model: 'encoder', input: 'Paris is the capital of [MASK].', top_k: 1 }],
  },
);

const Filling = Type.Object(
  {
    score: Type.Number({ description: 'A probability.' }),
    token: Type.Integer({ description: 'Its id.' }),
    token_str: Type.String({ description: 'Its text.' }),
    sequence: Type.String({ description: 'The text with it in place of the mask.' }),
  },
  { $id: 'Filling' },
);

const FilledText = Type.Object(
  {
    index: Type.Integer({ description: 'Of the input.' }),
    masks: Type.Array(
      Type.Object({
        start: Type.Integer({
          description: 'Where the mask begins in the text, in Unicode characters (code points).',
        }),
        end: Type.Integer({ description: 'Where it ends: the character behind it.' }),
        predictions: Type.Array(refTo(Filling), { description: 'The most probable token first.' }),
      }),
      { description: 'In the order of the text.' },
    ),
  },
  { $id: 'FilledText' },
);

const FillMaskList = resultList(
  'FillMaskList',
  { data: Type.Array(refTo(FilledText)) },
  {
    prefix: 'fill',
    results: [
      {
        index: 0,
        masks: [
          {
            start: 24,
            end: 30,
            predictions: [
              {
                score: 0.97,
                token: 2605,
                token_str: 'france',
                sequence: 'Paris is the capital of france.',
              },
            ],
          },
        ],
      },
    ],
    tokens: 9,
  },
);

/** To be made known before the route. */
export const schemas = [FillMaskRequest, Filling, FilledText, FillMaskList];

export const fillMaskSchema = {
  operationId: 'createMaskFilling',
  summary: 'Fill masks',
  description: 'The most probable tokens for each mask of a text. Several masks are filled independently.',
  tags: ['Encoders'],
  body: refTo(FillMaskRequest),
  response: {
    200: json('The tokens for each mask of each text.', refTo(FillMaskList)),
    ...errorResponses(MODEL_ERRORS),
  },
};
