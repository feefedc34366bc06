import { Type, type Static } from 'typebox';
import { MAX_CALLS } from '#api/chat/job.js';
import { MAX_NAME } from '#routes/shared/fields.js';
import { mapOf } from '#http/schemas/map-of.js';
import { nullable } from '#http/schemas/nullable.js';

/** Most messages of a conversation, results and calls included. */
export const MAX_MESSAGES = 4096;

/** Most parts of one message. */
export const MAX_PARTS = 1024;

/** Most characters of what a function is for. */
export const MAX_DESCRIPTION = 65_536;

const ContentPart = Type.Object(
  {
    type: Type.String({ maxLength: MAX_NAME }),
    text: nullable(Type.String()),
    refusal: nullable(Type.String()),
  },
  { description: 'Only parts of the type `text` are read; others, such as images, are refused.' },
);

const ToolCall = Type.Object({
  id: nullable(Type.String({ maxLength: MAX_NAME })),
  type: nullable(Type.String({ const: 'function' })),
  function: Type.Object({
    name: Type.String({ maxLength: MAX_NAME }),
    arguments: Type.String({
      description: 'A JSON object, as text. Unfinished JSON is closed, other values are taken as text.',
    }),
  }),
});

export const Message = Type.Object(
  {
    role: Type.String({ enum: ['system', 'developer', 'user', 'assistant', 'tool', 'function'] }),
    content: nullable(
      Type.Union([Type.String(), Type.Array(ContentPart, { maxItems: MAX_PARTS })], {
        description: 'May be missing only where the assistant called tools.',
      }),
    ),
    name: nullable(Type.String({ maxLength: MAX_NAME })),
    tool_calls: nullable(Type.Array(ToolCall, { maxItems: MAX_CALLS })),
    tool_call_id: nullable(
      Type.String({ maxLength: MAX_NAME, description: 'Of a tool: which call it answers.' }),
    ),
  },
  {
    $id: 'ChatMessage',
    description:
      'Further fields are given to the chat template; `reasoning_content` (also `reasoning`, `thinking`) is what the assistant thought.',
    examples: [{ role: 'user', content: 'What is the capital of Iceland?' }],
  },
);

export const FunctionDefinition = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 128 }),
  description: nullable(Type.String({ maxLength: MAX_DESCRIPTION })),
  parameters: nullable(mapOf(Type.Unknown(), { description: 'JSON Schema of the arguments.' })),
  strict: nullable(
    Type.Boolean({
      description:
        'Given to the chat template only: arguments are sure to be valid where `tool_choice` asks for a call.',
    }),
  ),
});

export type ContentPart = Static<typeof ContentPart>;
export type Message = Static<typeof Message>;
export type FunctionDefinition = Static<typeof FunctionDefinition>;
