import { Type, type Static } from 'typebox';
import { MAX_SEQUENCES } from '#api/completion/job.js';
import { modelField, TokenIds } from '#routes/shared/fields.js';
import { fieldsDescription } from '#routes/shared/peer-fields.js';
import { completionPeerFields } from './peer-fields.js';
import { mapOf } from '#http/schemas/map-of.js';
import { nullable } from '#http/schemas/nullable.js';
import {
  fingerprintField,
  MAX_LOGPROBS,
  promptFields,
  promptLogprobsField,
  promptLogprobsReport,
  stopReasonField,
  streamOptionsField,
  tokenIdFields,
  tokenIdList,
} from '../report-schema.js';
import { beamFields, languageFields } from './source-schema.js';
import { samplingFields } from '../sampling-schema.js';
import { responseFormatField, structureFields } from '../structure-schema.js';
import { errorResponses, MODEL_ERRORS, refTo, UsageSchema } from '#http/schemas/shared.js';

const CompletionRequest = Type.Object(
  {
    model: modelField('stories'),
    prompt: nullable(
      Type.Union(
        [
          Type.String(),
          Type.Array(Type.String(), { minItems: 1, maxItems: MAX_SEQUENCES }),
          TokenIds,
          Type.Array(TokenIds, { minItems: 1, maxItems: MAX_SEQUENCES }),
        ],
        {
          description:
            'What to continue: a text, several texts, or the same as token ids. An empty text, or none, starts from the beginning-of-sequence token. For a model that reads a text and writes another one, such as a translator, what it reads.',
          examples: ['Once upon a time'],
        },
      ),
    ),
    max_tokens: nullable(
      Type.Integer({
        minimum: 0,
        default: 16,
        description:
          "Most tokens to generate; the end of the context ends a text too. 0 only with `echo`: to score the prompt. By default, for a model that reads a text and writes another one, what its folder says (`max_length`), or the context's end.",
      }),
    ),
    n: nullable(
      Type.Integer({ minimum: 1, maximum: 128, default: 1, description: 'Choices for each prompt.' }),
    ),
    best_of: nullable(
      Type.Integer({
        minimum: 1,
        maximum: 128,
        description:
          'Generate this many for each prompt and give back the `n` with the highest log-probability per token; with beam search, the width. Not for streams.',
      }),
    ),
    logprobs: nullable(
      Type.Integer({
        minimum: 0,
        maximum: MAX_LOGPROBS,
        description:
          'Report the log-probability of each token and of this many most probable ones beside it.',
      }),
    ),
    echo: nullable(
      Type.Boolean({
        default: false,
        description:
          'Begin the text with the prompt; with `logprobs`, report those of the prompt too. Not where the prompt is a source.',
      }),
    ),
    stream: nullable(
      Type.Boolean({ default: false, description: 'Send the text as it comes, as server-sent events.' }),
    ),
    ...streamOptionsField,
    add_special_tokens: nullable(
      Type.Boolean({
        default: true,
        description: 'Whether the tokenizer adds its own tokens to texts, such as that of the beginning.',
      }),
    ),
    ...languageFields,
    ...beamFields,
    ...promptFields,
    ...promptLogprobsField,
    ...tokenIdFields,
    ...samplingFields,
    ...responseFormatField,
    ...structureFields,
  },
  {
    $id: 'CompletionRequest',
    description: fieldsDescription(completionPeerFields),
    examples: [{ model: 'stories', prompt: 'Once upon a time', max_tokens: 32, temperature: 0 }],
  },
);

const Logprobs = Type.Object(
  {
    tokens: Type.Array(Type.String()),
    token_logprobs: Type.Array(Type.Union([Type.Number(), Type.Null()]), {
      description: 'Natural logarithms; null for the first token of the prompt, which nothing precedes.',
    }),
    top_logprobs: Type.Array(Type.Union([mapOf(Type.Number()), Type.Null()]), {
      description: 'The most probable tokens, and the token itself.',
    }),
    text_offset: Type.Array(Type.Integer(), {
      description: "Where in the choice's text each token begins, in Unicode characters.",
    }),
  },
  { $id: 'CompletionLogprobs', description: 'One entry per token in each of the lists.' },
);

const CompletionChoice = Type.Object(
  {
    index: Type.Integer({ description: "The first prompt's choices come first, then the second's." }),
    text: Type.String(),
    logprobs: Type.Union([refTo(Logprobs), Type.Null()]),
    finish_reason: Type.Union([Type.String({ enum: ['stop', 'length'] }), Type.Null()], {
      description:
        '`stop`: a stop token or stop string; `length`: `max_tokens` or the end of the context; null: the stream goes on.',
    }),
    stop_reason: stopReasonField,
    prompt_logprobs: promptLogprobsReport,
    prompt_token_ids: tokenIdList('of the prompt; in a stream, in the first chunk of the choice.'),
    token_ids: tokenIdList('of the text; in a stream, of the chunk.'),
  },
  { $id: 'CompletionChoice', description: 'One text, or in a stream the next piece of one.' },
);

const completionFields = {
  id: Type.String(),
  object: Type.String({ const: 'text_completion' }),
  created: Type.Integer({ description: 'Seconds since the epoch.' }),
  model: Type.String(),
  system_fingerprint: fingerprintField,
  choices: Type.Array(refTo(CompletionChoice)),
};

const exampleHead = {
  id: 'cmpl-1d9b0a36-2f0c-4f0e-9a54-7c1a4f5c3b52',
  object: 'text_completion',
  created: 1767225600,
  model: 'stories',
  system_fingerprint: 'fp_5d1c9b3a70',
};

const Completion = Type.Object(
  { ...completionFields, usage: refTo(UsageSchema) },
  {
    $id: 'Completion',
    examples: [
      {
        ...exampleHead,
        choices: [{ index: 0, text: ', there was a fox.', logprobs: null, finish_reason: 'stop' }],
        usage: {
          prompt_tokens: 4,
          completion_tokens: 7,
          total_tokens: 11,
          prompt_tokens_details: { cached_tokens: 0 },
        },
      },
    ],
  },
);

const CompletionChunk = Type.Object(
  {
    ...completionFields,
    usage: Type.Optional(
      Type.Union([refTo(UsageSchema), Type.Null()], {
        description:
          'Only with `include_usage`, null but for the last chunk, or with `continuous_usage_stats`.',
      }),
    ),
  },
  {
    $id: 'CompletionChunk',
    description: 'The data of one event. The last event is `[DONE]`.',
    examples: [
      {
        ...exampleHead,
        choices: [{ index: 0, text: ', there', logprobs: null, finish_reason: null }],
      },
    ],
  },
);

/** To be made known before the route. */
export const schemas = [CompletionRequest, Logprobs, CompletionChoice, Completion, CompletionChunk];

export const completionSchema = {
  operationId: 'createCompletion',
  summary: 'Continue a text',
  description:
    'Continues one or several prompts. All choices of a request are generated at the same time, together with those of other requests.',
  tags: ['Generation'],
  body: refTo(CompletionRequest),
  response: {
    200: {
      description: 'The completion, or with `stream` its chunks.',
      content: {
        'application/json': { schema: refTo(Completion) },
        'text/event-stream': { schema: refTo(CompletionChunk) },
      },
    },
    ...errorResponses(MODEL_ERRORS),
  },
};

export type CompletionRequest = Static<typeof CompletionRequest>;
export type CompletionChoice = Static<typeof CompletionChoice>;
