import { Type } from 'typebox';
import { modelField } from '#routes/shared/fields.js';
import { nullable } from '#http/schemas/nullable.js';
import { errorResponses, json, MODEL_ERRORS, refTo } from '#http/schemas/shared.js';

/** Most token ids: to turn more into text would keep others waiting. */
const MAX_IDS = 65_536;

const DetokenizeRequest = Type.Object(
  {
    model: modelField('stories'),
    tokens: Type.Array(Type.Integer({ minimum: 0, title: 'token id' }), {
      maxItems: MAX_IDS,
      description: 'Token ids. Those that the vocabulary does not have are passed over.',
      examples: [[403, 407, 261, 378]],
    }),
    skip_special_tokens: nullable(
      Type.Boolean({ default: false, description: 'Leave special tokens out of the text.' }),
    ),
  },
  {
    $id: 'DetokenizeRequest',
    description: 'Unknown fields are ignored.',
    examples: [{ model: 'stories', tokens: [403, 407, 261, 378] }],
  },
);

const Detokenized = Type.Object(
  { prompt: Type.String({ description: 'The text.' }) },
  { $id: 'Detokenized', examples: [{ prompt: 'Once upon a time' }] },
);

/** To be made known before the route. */
export const schemas = [DetokenizeRequest, Detokenized];

export const detokenizeSchema = {
  operationId: 'detokenize',
  summary: 'Turn token ids into text',
  description: "The text of token ids by a model's tokenizer, in the form of vLLM.",
  tags: ['Tokens'],
  body: refTo(DetokenizeRequest),
  response: {
    200: json('The text.', refTo(Detokenized)),
    ...errorResponses(MODEL_ERRORS),
  },
};
