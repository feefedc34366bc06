import { Type, type Static, type TProperties } from 'typebox';
import { MAX_DESCRIPTION, MAX_MESSAGES, MAX_PARTS } from '../message-schema.js';
import { MAX_NAME, modelField } from '#routes/shared/fields.js';
import { fieldsDescription } from '#routes/shared/peer-fields.js';
import { responsePeerFields } from './peer-fields.js';
import {
  MAX_LOGPROBS,
  promptFields,
  reasoningEffortField,
  tokenIdFields,
  tokenIdList,
} from '../report-schema.js';
import { samplingFields } from '../sampling-schema.js';
import { structureFields } from '../structure-schema.js';
import { mapOf } from '#http/schemas/map-of.js';
import { nullable } from '#http/schemas/nullable.js';
import { errorResponses, MODEL_ERRORS, refTo } from '#http/schemas/shared.js';

const Content = Type.Union([
  Type.String(),
  Type.Array(
    Type.Object({
      type: Type.String({ maxLength: MAX_NAME }),
      text: nullable(Type.String()),
      refusal: nullable(Type.String()),
    }),
    { maxItems: MAX_PARTS },
  ),
]);

const InputItem = Type.Object(
  {
    type: nullable(
      Type.String({
        maxLength: MAX_NAME,
        description: '`message` (the default), `function_call`, `function_call_output` or `reasoning`.',
      }),
    ),
    role: nullable(Type.String({ enum: ['user', 'assistant', 'system', 'developer'] })),
    content: nullable(Content),
    call_id: nullable(Type.String({ maxLength: MAX_NAME })),
    name: nullable(Type.String({ maxLength: MAX_NAME })),
    arguments: nullable(Type.String()),
    output: nullable(Content),
  },
  {
    $id: 'ResponseInputItem',
    description: 'A message, a call of a function, or what came of one.',
    examples: [{ role: 'user', content: 'What is the capital of Iceland?' }],
  },
);

const Tool = Type.Object(
  {
    type: Type.String({ maxLength: MAX_NAME, description: 'Only `function`.' }),
    name: nullable(Type.String({ minLength: 1, maxLength: 128 })),
    description: nullable(Type.String({ maxLength: MAX_DESCRIPTION })),
    parameters: nullable(mapOf(Type.Unknown())),
    strict: nullable(Type.Boolean()),
  },
  { $id: 'ResponseTool' },
);

const Format = Type.Object({
  type: Type.String({ enum: ['text', 'json_object', 'json_schema'] }),
  name: nullable(Type.String()),
  description: nullable(Type.String()),
  schema: nullable(mapOf(Type.Unknown())),
  strict: nullable(Type.Boolean()),
});

const ToolChoice = Type.Union([
  Type.String({ enum: ['none', 'auto', 'required'] }),
  Type.Object({ type: Type.String({ const: 'function' }), name: Type.String({ maxLength: 128 }) }),
]);

const INCLUDABLE = [
  'message.output_text.logprobs',
  'message.input_image.image_url',
  'reasoning.encrypted_content',
  'file_search_call.results',
  'web_search_call.results',
  'web_search_call.action.sources',
  'computer_call_output.output.image_url',
  'code_interpreter_call.outputs',
];

const ResponseRequest = Type.Object(
  {
    model: modelField('stories'),
    input: Type.Union(
      [Type.String(), Type.Array(refTo(InputItem), { minItems: 1, maxItems: MAX_MESSAGES })],
      {
        description: 'A message of the user, or the whole conversation: nothing is stored.',
      },
    ),
    include: nullable(
      Type.Array(Type.String({ enum: INCLUDABLE }), {
        maxItems: 64,
        description:
          '`message.output_text.logprobs`: report the log-probability of each token. The others ask for what there is none of here.',
      }),
    ),
    top_logprobs: nullable(
      Type.Integer({
        minimum: 0,
        maximum: MAX_LOGPROBS,
        description: 'Report the log-probability of each token, and this many most probable ones beside it.',
      }),
    ),
    reasoning: nullable(Type.Object({ effort: reasoningEffortField })),
    truncation: nullable(
      Type.String({
        enum: ['auto', 'disabled'],
        default: 'disabled',
        description:
          '`auto`: where the input is too long, turns at its beginning are left out; `disabled`: it is refused.',
      }),
    ),
    add_special_tokens: nullable(
      Type.Boolean({
        default: false,
        description: 'Whether the tokenizer adds its own tokens to what the chat template wrote.',
      }),
    ),
    ...promptFields,
    ...tokenIdFields,
    ...samplingFields,
    ...structureFields,
    instructions: nullable(Type.String({ description: 'A system message before the input.' })),
    max_output_tokens: nullable(
      Type.Integer({
        minimum: 1,
        description: 'Most tokens to generate; by default as many as the context holds.',
      }),
    ),
    tools: nullable(Type.Array(refTo(Tool), { maxItems: 128 })),
    tool_choice: nullable(ToolChoice),
    parallel_tool_calls: nullable(Type.Boolean({ default: true })),
    text: nullable(
      Type.Object(
        { format: nullable(Format) },
        { description: 'The form of the answer, as `response_format` of chat completions.' },
      ),
    ),
    stream: nullable(Type.Boolean({ default: false, description: 'Send typed events as the answer comes.' })),
    metadata: nullable(
      mapOf(Type.String({ maxLength: 512 }), {
        maxProperties: 16,
        description: 'Comes back with the answer.',
      }),
    ),
  },
  {
    $id: 'ResponseRequest',
    description: fieldsDescription(responsePeerFields),
    examples: [{ model: 'stories', input: 'What is the capital of Iceland?', max_output_tokens: 64 }],
  },
);

const Probability = {
  token: Type.String(),
  logprob: Type.Number({ description: 'A natural logarithm.' }),
  bytes: Type.Array(Type.Integer(), {
    description: 'Of the token in UTF-8, which may be part of a character.',
  }),
};

const ResponseLogprob = Type.Object({
  ...Probability,
  top_logprobs: Type.Array(Type.Object(Probability)),
});

const OutputText = Type.Object({
  type: Type.String({ const: 'output_text' }),
  text: Type.String(),
  annotations: Type.Array(Type.Unknown()),
  logprobs: Type.Optional(
    Type.Array(ResponseLogprob, { description: 'One entry per token, where they are asked for.' }),
  ),
});

const STATUS = Type.String({ enum: ['in_progress', 'completed', 'incomplete'] });

const OutputMessage = Type.Object({
  id: Type.String(),
  type: Type.Literal('message'),
  status: STATUS,
  role: Type.Literal('assistant'),
  content: Type.Array(OutputText),
});

const OutputCall = Type.Object({
  id: Type.String(),
  type: Type.Literal('function_call'),
  status: STATUS,
  call_id: Type.String(),
  name: Type.String(),
  arguments: Type.String({ description: 'A JSON object, as text.' }),
});

const OutputItem = Type.Union([OutputMessage, OutputCall], {
  $id: 'ResponseOutputItem',
  description: 'A message, or a call of a function.',
});

const ResponseUsage = Type.Object({
  input_tokens: Type.Integer(),
  input_tokens_details: Type.Object({ cached_tokens: Type.Integer() }),
  output_tokens: Type.Integer(),
  output_tokens_details: Type.Object({ reasoning_tokens: Type.Integer() }),
  total_tokens: Type.Integer(),
});

const Response = Type.Object(
  {
    id: Type.String(),
    object: Type.String({ const: 'response' }),
    created_at: Type.Integer({ description: 'Seconds since the epoch.' }),
    status: STATUS,
    error: Type.Null(),
    incomplete_details: Type.Union([Type.Object({ reason: Type.String() }), Type.Null()]),
    instructions: Type.Union([Type.String(), Type.Null()]),
    max_output_tokens: Type.Union([Type.Integer(), Type.Null()]),
    model: Type.String(),
    output: Type.Array(refTo(OutputItem)),
    parallel_tool_calls: Type.Boolean(),
    previous_response_id: Type.Null(),
    store: Type.Boolean(),
    temperature: Type.Number(),
    text: Type.Object({ format: Format }),
    tool_choice: ToolChoice,
    tools: Type.Array(refTo(Tool)),
    top_p: Type.Number(),
    top_logprobs: Type.Integer(),
    truncation: Type.String({ enum: ['auto', 'disabled'] }),
    prompt_token_ids: tokenIdList('of the prompt.'),
    token_ids: tokenIdList('of the output.'),
    usage: Type.Union([ResponseUsage, Type.Null()]),
    metadata: mapOf(Type.String()),
  },
  {
    $id: 'Response',
    examples: [
      {
        id: 'resp_0c8b5a',
        object: 'response',
        created_at: 1767225600,
        status: 'completed',
        error: null,
        incomplete_details: null,
        instructions: null,
        max_output_tokens: 64,
        model: 'stories',
        output: [
          {
            id: 'msg_4f1c2d',
            type: 'message',
            status: 'completed',
            role: 'assistant',
            content: [{ type: 'output_text', text: 'Reykjavik.', annotations: [] }],
          },
        ],
        parallel_tool_calls: true,
        previous_response_id: null,
        store: false,
        temperature: 1,
        text: { format: { type: 'text' } },
        tool_choice: 'auto',
        tools: [],
        top_p: 1,
        top_logprobs: 0,
        truncation: 'disabled',
        usage: {
          input_tokens: 12,
          input_tokens_details: { cached_tokens: 0 },
          output_tokens: 5,
          output_tokens_details: { reasoning_tokens: 0 },
          total_tokens: 17,
        },
        metadata: {},
      },
    ],
  },
);

/** An event; its type tells which fields it has. */
function event<T extends TProperties>(types: readonly string[], fields: T) {
  return Type.Object({
    type: Type.Unsafe<string>({ type: 'string', enum: types }),
    sequence_number: Type.Integer({ description: 'From 0 on.' }),
    ...fields,
  });
}

const outputIndex = { output_index: Type.Integer({ description: 'Which item of `output` it is.' }) };
const itemPlace = { item_id: Type.String(), ...outputIndex };
const partPlace = { ...itemPlace, content_index: Type.Integer() };

const ResponseEvent = Type.Union(
  [
    event(['response.created', 'response.in_progress', 'response.completed', 'response.incomplete'], {
      response: refTo(Response),
    }),
    event(['response.output_item.added', 'response.output_item.done'], {
      ...outputIndex,
      item: refTo(OutputItem),
    }),
    event(['response.content_part.added', 'response.content_part.done'], { ...partPlace, part: OutputText }),
    event(['response.output_text.delta'], {
      ...partPlace,
      delta: Type.String({ description: 'What is new.' }),
      logprobs: Type.Array(ResponseLogprob),
    }),
    event(['response.output_text.done'], {
      ...partPlace,
      text: Type.String(),
      logprobs: Type.Array(ResponseLogprob),
    }),
    event(['response.function_call_arguments.delta'], { ...itemPlace, delta: Type.String() }),
    event(['response.function_call_arguments.done'], {
      ...itemPlace,
      name: Type.String(),
      arguments: Type.String(),
    }),
    event(['error'], {
      code: Type.Union([Type.String(), Type.Null()]),
      message: Type.String(),
      param: Type.Union([Type.String(), Type.Null()]),
    }),
  ],
  {
    $id: 'ResponseEvent',
    description:
      'The data of one event. Its type is the name of the event too; the last is `response.completed`, `response.incomplete` or `error`.',
    examples: [
      {
        type: 'response.output_text.delta',
        sequence_number: 4,
        item_id: 'msg_4f1c2d',
        output_index: 0,
        content_index: 0,
        delta: 'Rey',
        logprobs: [],
      },
    ],
  },
);

/** To be made known before the route. */
export const schemas = [InputItem, Tool, ResponseRequest, OutputItem, Response, ResponseEvent];

export const responseSchema = {
  operationId: 'createResponse',
  summary: 'Answer, in the form of the Responses API',
  description:
    "OpenAI's Responses API as far as it needs no memory: the input is the whole conversation, and nothing is stored.",
  tags: ['Generation'],
  body: refTo(ResponseRequest),
  response: {
    200: {
      description: 'The response, or with `stream` its events.',
      content: {
        'application/json': { schema: refTo(Response) },
        'text/event-stream': { schema: refTo(ResponseEvent) },
      },
    },
    ...errorResponses(MODEL_ERRORS),
  },
};

export type ResponseRequest = Static<typeof ResponseRequest>;
export type InputItem = Static<typeof InputItem>;
export type Response = Static<typeof Response>;
export type ResponseLogprob = Static<typeof ResponseLogprob>;
export type OutputItem = Static<typeof OutputItem>;
