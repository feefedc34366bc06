import { Type, type Static } from 'typebox';
import { mapOf } from '#http/schemas/map-of.js';
import { nullable } from '#http/schemas/nullable.js';

/** Most alternatives of a token that are reported, as vLLM has it. */
export const MAX_LOGPROBS = 20;

/** vLLM's fields that say how prompts are read. */
export const promptFields = {
  truncate_prompt_tokens: nullable(
    Type.Integer({
      minimum: -1,
      description:
        'Keep so many tokens of a prompt that has more; -1: as many as leave room for what is to be generated. By default such a prompt is refused.',
    }),
  ),
  truncation_side: nullable(
    Type.String({
      enum: ['left', 'right'],
      default: 'left',
      description: 'The side on which a prompt is cut; only with `truncate_prompt_tokens`.',
    }),
  ),
};

/** How much a model is to think, for chat templates that take it. */
export const reasoningEffortField = nullable(
  Type.String({
    enum: ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'],
    description:
      'Given to the chat template as `reasoning_effort`: whether it says anything is up to the model.',
  }),
);

/** vLLM's fields that ask for reports by tokens' ids. */
export const tokenIdFields = {
  return_token_ids: nullable(
    Type.Boolean({
      default: false,
      description: 'Report the token ids of the prompt and of what is generated, a stop token included.',
    }),
  ),
  return_tokens_as_token_ids: nullable(
    Type.Boolean({
      default: false,
      description: 'Name tokens in log-probabilities as `token_id:N`, which tells all tokens apart.',
    }),
  ),
};

/** vLLM's field that asks for a report of the prompt. */
export const promptLogprobsField = {
  prompt_logprobs: nullable(
    Type.Integer({
      minimum: 0,
      maximum: MAX_LOGPROBS,
      description:
        "Report the log-probability of each of the prompt's tokens, and of this many most probable ones beside it.",
    }),
  ),
};

const StreamOptions = Type.Object(
  {
    include_usage: nullable(
      Type.Boolean({
        default: false,
        description: 'Send one last chunk with the usage and no choices.',
      }),
    ),
    continuous_usage_stats: nullable(
      Type.Boolean({ default: false, description: 'Tell in every chunk the usage so far.' }),
    ),
  },
  { description: 'Only with `stream`.' },
);

export const streamOptionsField = { stream_options: nullable(StreamOptions) };

export type StreamOptions = Static<typeof StreamOptions>;

/** A list of token ids in an answer. */
export const tokenIdList = (description: string) =>
  Type.Optional(
    Type.Array(Type.Integer(), { description: `Only with \`return_token_ids\`: ${description}` }),
  );

/** What {@link promptLogprobsField} asks for. */
export const promptLogprobsReport = Type.Optional(
  Type.Array(
    Type.Union([
      mapOf(
        Type.Object({
          logprob: Type.Number({ description: 'A natural logarithm.' }),
          rank: Type.Integer({ description: '1 is the most probable token.' }),
          decoded_token: Type.String(),
        }),
      ),
      Type.Null(),
    ]),
    {
      description:
        'Only with `prompt_logprobs`: for each token of the prompt the most probable ones and itself, by their ids; null for the first, which nothing precedes. In a stream, the next ones.',
    },
  ),
);

/** Why a text ended, as vLLM has it. */
export const stopReasonField = Type.Optional(
  Type.Union([Type.String(), Type.Integer()], {
    description:
      "The stop string, or the stop token that is not one of the model's own, which ended the text, if one did.",
  }),
);

export const fingerprintField = Type.String({
  description: 'Changes with the version of the server and with the model.',
});
