import { Type, type Static } from 'typebox';
import { FunctionDefinition, MAX_MESSAGES, Message } from '../message-schema.js';
import { modelField } from '#routes/shared/fields.js';
import { fieldsDescription } from '#routes/shared/peer-fields.js';
import { chatPeerFields } from './peer-fields.js';
import { mapOf } from '#http/schemas/map-of.js';
import { nullable } from '#http/schemas/nullable.js';
import {
  fingerprintField,
  promptFields,
  promptLogprobsField,
  promptLogprobsReport,
  reasoningEffortField,
  stopReasonField,
  streamOptionsField,
  tokenIdFields,
  tokenIdList,
} from '../report-schema.js';
import { samplingFields } from '../sampling-schema.js';
import { errorResponses, MODEL_ERRORS, refTo, UsageSchema } from '#http/schemas/shared.js';
import { responseFormatField, structureFields } from '../structure-schema.js';

/** Variables of chat templates that are made of the request and of the model's folder. */
const OWN_VARIABLES = [
  'messages',
  'tools',
  'add_generation_prompt',
  'bos_token',
  'eos_token',
  'unk_token',
  'pad_token',
  'sep_token',
  'cls_token',
  'mask_token',
];

/** What Jinja and Transformers define in every template. */
const JINJA_NAMES = [
  'range',
  'dict',
  'lipsum',
  'cycler',
  'joiner',
  'namespace',
  'raise_exception',
  'strftime_now',
  'loop',
  'self',
  'caller',
  'varargs',
  'kwargs',
  'true',
  'false',
  'none',
  'True',
  'False',
  'None',
];

const ChatTool = Type.Object(
  { type: Type.String({ const: 'function' }), function: FunctionDefinition },
  {
    $id: 'ChatTool',
    examples: [
      {
        type: 'function',
        function: {
          name: 'weather',
          description: 'The weather of a city.',
          parameters: {
            type: 'object',
            properties: { city: { type: 'string' } },
            required: ['city'],
          },
        },
      },
    ],
  },
);

const ChatCompletionRequest = Type.Object(
  {
    model: modelField('stories'),
    messages: Type.Array(refTo(Message), {
      minItems: 1,
      maxItems: MAX_MESSAGES,
      description: "The conversation so far, written as text by the model's own chat template.",
    }),
    max_completion_tokens: nullable(
      Type.Integer({
        minimum: 1,
        description: 'Most tokens to generate; by default as many as the context holds.',
      }),
    ),
    max_tokens: nullable(Type.Integer({ minimum: 1, description: 'Older name of `max_completion_tokens`.' })),
    n: nullable(Type.Integer({ minimum: 1, maximum: 128, default: 1, description: 'How many answers.' })),
    logprobs: nullable(
      Type.Boolean({ default: false, description: 'Report the log-probability of each token.' }),
    ),
    top_logprobs: nullable(
      Type.Integer({
        minimum: 0,
        maximum: 20,
        description: 'Report this many most probable tokens beside each; only with `logprobs`.',
      }),
    ),
    stream: nullable(
      Type.Boolean({ default: false, description: 'Send the answer as it comes, as server-sent events.' }),
    ),
    ...streamOptionsField,
    tools: nullable(
      Type.Array(refTo(ChatTool), { maxItems: 128, description: 'Functions that the model may call.' }),
    ),
    tool_choice: nullable(
      Type.Union(
        [
          Type.String({ enum: ['none', 'auto', 'required'] }),
          Type.Object({
            type: Type.String({ const: 'function' }),
            function: Type.Object({ name: Type.String({ maxLength: 128 }) }),
          }),
        ],
        {
          description:
            '`auto`: as the model likes; `none`: no calls; `required`, or a function: an answer that is a call, with arguments that are valid; one that has no room for a whole call has none and ends by `length`.',
          default: 'auto',
        },
      ),
    ),
    parallel_tool_calls: nullable(
      Type.Boolean({ default: true, description: 'Whether an answer may have several calls.' }),
    ),
    ...responseFormatField,
    ...structureFields,
    ...samplingFields,
    add_generation_prompt: nullable(
      Type.Boolean({
        default: true,
        description: "End the prompt with the beginning of the assistant's message.",
      }),
    ),
    continue_final_message: nullable(
      Type.Boolean({
        default: false,
        description: 'Go on with the last message, instead of beginning a new one.',
      }),
    ),
    echo: nullable(
      Type.Boolean({
        default: false,
        description: 'Begin the message with the last one, where that is of the assistant.',
      }),
    ),
    add_special_tokens: nullable(
      Type.Boolean({
        default: false,
        description: 'Whether the tokenizer adds its own tokens to what the chat template wrote.',
      }),
    ),
    ...promptFields,
    ...promptLogprobsField,
    ...tokenIdFields,
    documents: nullable(
      Type.Array(mapOf(Type.Unknown()), {
        maxItems: 1024,
        description: 'For chat templates that take documents, each with a `title` and a `text`.',
      }),
    ),
    reasoning_effort: reasoningEffortField,
    chat_template_kwargs: nullable(
      mapOf(Type.Unknown(), {
        maxProperties: 64,
        propertyNames: {
          title: `a variable that is neither the server's to set (${OWN_VARIABLES.join(', ')}) nor a name of Jinja`,
          maxLength: 128,
          not: { enum: [...OWN_VARIABLES, ...JINJA_NAMES] },
        },
        description:
          "Further variables of the chat template. Those that the server sets, and Jinja's own names, are refused.",
        examples: [{ enable_thinking: false }],
      }),
    ),
  },
  {
    $id: 'ChatCompletionRequest',
    description: fieldsDescription(chatPeerFields),
    examples: [
      {
        model: 'stories',
        messages: [
          { role: 'system', content: 'You are brief.' },
          { role: 'user', content: 'What is the capital of Iceland?' },
        ],
        max_completion_tokens: 64,
      },
    ],
  },
);

const Probability = {
  token: Type.String(),
  logprob: Type.Number({ description: 'A natural logarithm.' }),
  bytes: Type.Union([Type.Array(Type.Integer()), Type.Null()], {
    description: 'Of the token in UTF-8, which may be part of a character.',
  }),
};
const Logprobs = Type.Object(
  {
    content: Type.Array(Type.Object({ ...Probability, top_logprobs: Type.Array(Type.Object(Probability)) })),
    refusal: Type.Null(),
  },
  { $id: 'ChatLogprobs', description: 'One entry per token.' },
);

const FINISH_REASONS = Type.String({
  enum: ['stop', 'length', 'tool_calls'],
  description:
    '`stop`: the message is complete; `length`: the most tokens or the end of the context came first; `tool_calls`: the model calls functions.',
});

const ToolCall = {
  id: Type.String(),
  type: Type.String({ const: 'function' }),
  function: Type.Object({
    name: Type.String(),
    arguments: Type.String({ description: 'A JSON object, as text.' }),
  }),
};

const ChatCompletionChoice = Type.Object(
  {
    index: Type.Integer(),
    message: Type.Object({
      role: Type.String({ const: 'assistant' }),
      content: Type.Union([Type.String(), Type.Null()], { description: 'null where there are only calls.' }),
      refusal: Type.Null(),
      tool_calls: Type.Optional(Type.Array(Type.Object(ToolCall))),
    }),
    logprobs: Type.Union([refTo(Logprobs), Type.Null()]),
    finish_reason: FINISH_REASONS,
    stop_reason: stopReasonField,
    token_ids: tokenIdList('of the message.'),
  },
  { $id: 'ChatCompletionChoice' },
);

const head = {
  id: Type.String(),
  created: Type.Integer({ description: 'Seconds since the epoch.' }),
  model: Type.String(),
  system_fingerprint: fingerprintField,
  prompt_token_ids: tokenIdList('of the prompt; in a stream, in the first chunk.'),
  prompt_logprobs: promptLogprobsReport,
};
const exampleHead = {
  id: 'chatcmpl-5f0c2f5e-6d43-44d3-a57a-0f7c7a1f1a51',
  created: 1767225600,
  model: 'stories',
  system_fingerprint: 'fp_5d1c9b3a70',
};

const ChatCompletion = Type.Object(
  {
    ...head,
    object: Type.String({ const: 'chat.completion' }),
    choices: Type.Array(refTo(ChatCompletionChoice)),
    usage: refTo(UsageSchema),
  },
  {
    $id: 'ChatCompletion',
    examples: [
      {
        ...exampleHead,
        object: 'chat.completion',
        choices: [
          {
            index: 0,
            message: { role: 'assistant', content: 'Reykjavik.', refusal: null },
            logprobs: null,
            finish_reason: 'stop',
          },
        ],
        usage: {
          prompt_tokens: 21,
          completion_tokens: 5,
          total_tokens: 26,
          prompt_tokens_details: { cached_tokens: 16 },
        },
      },
    ],
  },
);

const ChatCompletionChunk = Type.Object(
  {
    ...head,
    object: Type.String({ const: 'chat.completion.chunk' }),
    choices: Type.Array(
      Type.Object({
        index: Type.Integer(),
        delta: Type.Object(
          {
            role: Type.Optional(Type.String({ const: 'assistant' })),
            content: Type.Optional(Type.String()),
            tool_calls: Type.Optional(
              Type.Array(
                Type.Object({
                  index: Type.Integer({ description: 'Which call it is.' }),
                  id: Type.Optional(Type.String()),
                  type: Type.Optional(Type.String({ const: 'function' })),
                  function: Type.Object({
                    name: Type.Optional(Type.String()),
                    arguments: Type.String({ description: 'The next piece.' }),
                  }),
                }),
              ),
            ),
          },
          { description: 'What is new.' },
        ),
        logprobs: Type.Union([refTo(Logprobs), Type.Null()]),
        finish_reason: Type.Union([FINISH_REASONS, Type.Null()], {
          description: 'null: the stream goes on.',
        }),
        stop_reason: stopReasonField,
        token_ids: tokenIdList('of the chunk.'),
      }),
    ),
    usage: Type.Optional(
      Type.Union([refTo(UsageSchema), Type.Null()], {
        description:
          'Only with `include_usage`, null but for the last chunk, or with `continuous_usage_stats`.',
      }),
    ),
  },
  {
    $id: 'ChatCompletionChunk',
    description: 'The data of one event. The last event is `[DONE]`.',
    examples: [
      {
        ...exampleHead,
        object: 'chat.completion.chunk',
        choices: [{ index: 0, delta: { content: 'Rey' }, logprobs: null, finish_reason: null }],
      },
    ],
  },
);

/** To be made known before the route. `Message` comes first: the others refer to it. */
export const schemas = [
  Message,
  ChatTool,
  ChatCompletionRequest,
  Logprobs,
  ChatCompletionChoice,
  ChatCompletion,
  ChatCompletionChunk,
];

export const chatCompletionSchema = {
  operationId: 'createChatCompletion',
  summary: "Write a conversation's next message",
  description:
    "Works with models that have a chat template. Calls of functions are read from the model's own way of writing them, which its chat template tells (Hermes and Qwen, Qwen3-Coder, Mistral, Llama 3, Granite, Phi-4, Gemma and others); a template that knows of no tools gets them in the system message.",
  tags: ['Generation'],
  body: refTo(ChatCompletionRequest),
  response: {
    200: {
      description: 'The message, or with `stream` its chunks.',
      content: {
        'application/json': { schema: refTo(ChatCompletion) },
        'text/event-stream': { schema: refTo(ChatCompletionChunk) },
      },
    },
    ...errorResponses(MODEL_ERRORS),
  },
};

export type ChatCompletionRequest = Static<typeof ChatCompletionRequest>;
export type ChatCompletion = Static<typeof ChatCompletion>;
export type ChatCompletionChunk = Static<typeof ChatCompletionChunk>;
export type ChatCompletionChoice = Static<typeof ChatCompletionChoice>;
