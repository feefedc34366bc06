import { Type } from 'typebox';
import { modelField } from '#routes/shared/fields.js';
import { nullable } from '#http/schemas/nullable.js';
import { errorResponses, json, MODEL_ERRORS, refTo } from '#http/schemas/shared.js';

const TokenizeRequest = Type.Object(
  {
    model: modelField('stories'),
    prompt: Type.String({ description: 'The text.', examples: ['Once upon a time'] }),
    add_special_tokens: nullable(
      Type.Boolean({
        default: true,
        description: 'With the special tokens that the model expects around a text.',
      }),
    ),
    return_token_strs: nullable(
      Type.Boolean({ default: false, description: "Give the vocabulary's spelling of each token too." }),
    ),
  },
  {
    $id: 'TokenizeRequest',
    description: 'Unknown fields are ignored.',
    examples: [{ model: 'stories', prompt: 'Once upon a time' }],
  },
);

const Tokens = Type.Object(
  {
    count: Type.Integer({ description: 'Number of tokens.' }),
    max_model_len: Type.Integer({ description: 'How many tokens the model can read at most.' }),
    tokens: Type.Array(Type.Integer(), { description: 'Their ids.' }),
    token_strs: Type.Union([Type.Array(Type.String()), Type.Null()], {
      description: 'Only with `return_token_strs`.',
    }),
  },
  {
    $id: 'Tokens',
    examples: [{ count: 4, max_model_len: 512, tokens: [403, 407, 261, 378], token_strs: null }],
  },
);

/** To be made known before the route. */
export const schemas = [TokenizeRequest, Tokens];

export const tokenizeSchema = {
  operationId: 'tokenize',
  summary: 'Turn text into token ids',
  description: "A text's token ids by a model's tokenizer, in the form of vLLM.",
  tags: ['Tokens'],
  body: refTo(TokenizeRequest),
  response: {
    200: json('The tokens.', refTo(Tokens)),
    ...errorResponses(MODEL_ERRORS),
  },
};
