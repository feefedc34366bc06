import { Type } from 'typebox';
import { MAX_NAME } from '#routes/shared/fields.js';
import { mapOf } from '#http/schemas/map-of.js';
import { nullable } from '#http/schemas/nullable.js';

const StopString = Type.String({ minLength: 1, maxLength: 1024 });

/**
 * The fields that steer sampling and stopping, the same in completions and chat: OpenAI's, then vLLM's
 * extensions. Where a model's generation_config.json has a default of its own, that one holds.
 */
export const samplingFields = {
  temperature: nullable(
    Type.Number({
      minimum: 0,
      maximum: 100,
      default: 1,
      description:
        "Divides the logits: higher is more random, 0 always takes the most probable token. OpenAI's end at 2; more makes sense with `min_p` or `top_k`.",
    }),
  ),
  top_p: nullable(
    Type.Number({
      minimum: 0,
      maximum: 1,
      default: 1,
      description:
        'Sample from the smallest set of most probable tokens whose probability reaches this; 0: the most probable one.',
    }),
  ),
  presence_penalty: nullable(
    Type.Number({
      minimum: -2,
      maximum: 2,
      default: 0,
      description: 'Subtracted once from the logit of every token generated so far.',
    }),
  ),
  frequency_penalty: nullable(
    Type.Number({
      minimum: -2,
      maximum: 2,
      default: 0,
      description: 'Subtracted from the logit of every token generated so far, as often as it occurs.',
    }),
  ),
  logit_bias: nullable(
    mapOf(Type.Number({ minimum: -100, maximum: 100 }), {
      maxProperties: 1024,
      // Two keys for one token would contradict each other.
      propertyNames: { title: 'a token id without leading zeros', not: { pattern: '^0[0-9]' } },
      description: 'Added to the logits of token ids; -100 bans a token, 100 all but forces it.',
      examples: [{ '42': -100 }],
    }),
  ),
  seed: nullable(
    Type.Integer({
      format: 'int64',
      description:
        'The same seed and request give the same text. The choices of one prompt draw from seeds that count up from it.',
    }),
  ),
  stop: nullable(
    Type.Union([StopString, Type.Array(StopString, { maxItems: 16 })], {
      description: 'Strings that end the text; they are not part of it.',
    }),
  ),
  cache_salt: nullable(
    Type.String({
      minLength: 1,
      maxLength: MAX_NAME,
      description:
        'Prompts start from what earlier requests with the same salt, and the same API key, left in the cache, and from nothing else.',
    }),
  ),
  user: nullable(Type.String({ description: 'Ignored.' })),
  top_k: nullable(
    Type.Integer({
      minimum: -1,
      default: 0,
      description: 'Sample from this many most probable tokens; 0 or -1: from all.',
    }),
  ),
  min_p: nullable(
    Type.Number({
      minimum: 0,
      maximum: 1,
      default: 0,
      description: 'Drop tokens less probable than this share of the most probable one.',
    }),
  ),
  repetition_penalty: nullable(
    Type.Number({
      // Logits are single-precision: a factor that makes one infinite leaves nothing to choose from.
      minimum: 0.01,
      maximum: 100,
      default: 1,
      description:
        'Above 1: makes tokens of the prompt and the output less probable, by dividing positive and multiplying negative logits.',
    }),
  ),
  min_tokens: nullable(
    Type.Integer({
      minimum: 0,
      default: 0,
      description: 'Neither stop tokens nor stop strings end the text within this many tokens.',
    }),
  ),
  ignore_eos: nullable(
    Type.Boolean({ default: false, description: "Do not stop at the model's own end-of-sequence tokens." }),
  ),
  stop_token_ids: nullable(
    Type.Array(Type.Integer({ minimum: 0, title: 'token id' }), {
      maxItems: 128,
      description: "Token ids that end the text, beside the model's own.",
    }),
  ),
  allowed_token_ids: nullable(
    Type.Array(Type.Integer({ minimum: 0, title: 'token id' }), {
      minItems: 1,
      maxItems: 65_536,
      description: 'Only these tokens are drawn; a stop token only where it is one of them.',
    }),
  ),
  bad_words: nullable(
    Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
      maxItems: 256,
      description:
        'Words whose tokens are not drawn one after the other, at the beginning of the text or behind a space, unless nothing else is left to draw.',
    }),
  ),
  skip_special_tokens: nullable(
    Type.Boolean({
      default: true,
      description: 'Leave special tokens out of the text. A stop token has no text in any case.',
    }),
  ),
  include_stop_str_in_output: nullable(
    Type.Boolean({ default: false, description: 'Leave the stop string at the end of the text.' }),
  ),
};
