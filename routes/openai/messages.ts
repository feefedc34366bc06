import type { ChatMessage, ToolCallMessage } from '#chat/messages.js';
import { invalidRequest } from '#errors.js';
import { parseJsonIfAny, type ParsedJson } from '#http/json.js';
import { endings } from '#http/unfinished-json.js';
import type { ContentPart, Message } from './message-schema.js';

/**
 * Messages as chat templates take them.
 *
 * @throws KvasirError `invalid_request` where one is incomplete, or has content that is no text.
 */
export function chatMessages(messages: readonly Message[]): ChatMessage[] {
  return messages.map((message, index) => {
    const { role, content, tool_calls: calls } = message;
    const place = `messages[${index}]`;
    if ((content === undefined || content === null) && !(role === 'assistant' && calls))
      throw invalidRequest(`${place}.content`, `${place}.content is required`);
    return {
      ...fieldsOf(message),
      role: role === 'function' ? 'tool' : role,
      content: textOf(content ?? '', `${place}.content`),
      ...(calls &&
        calls.length > 0 && {
          tool_calls: calls.map((call, i) => toolCall(call, `${place}.tool_calls[${i}]`)),
        }),
    };
  });
}

/** Names of what the assistant thought before it answered; templates know the first. */
const REASONING = ['reasoning_content', 'thinking', 'reasoning'] as const;

/**
 * All fields of a message, for templates may read any, but for the calls, which have another form there, and
 * for those that are null, as templates ask whether they are there. What the assistant thought is there under
 * each of the names that templates know.
 */
function fieldsOf(message: Message): Readonly<Record<string, unknown>> {
  const fields = Object.fromEntries(
    Object.entries(message).filter(
      ([key, value]) => value !== null && key !== 'tool_calls' && !(value === '' && NAMES.has(key)),
    ),
  ) as Readonly<Record<string, unknown>>;
  const reasoning = REASONING.map(name => fields[name]).find(value => value !== undefined);
  return reasoning === undefined ? fields : { thinking: reasoning, ...fields, reasoning_content: reasoning };
}

/** Fields that say nothing where they are empty. */
const NAMES = new Set(['name', 'tool_call_id']);

/** The text of a content; parts of other kinds are refused. */
export function textOf(content: string | readonly ContentPart[], place: string): string {
  if (typeof content === 'string') return content;
  return content
    .map((part, index) => {
      if (typeof part.text === 'string' && /^(?:|input_|output_)text$/.test(part.type)) return part.text;
      if (part.type === 'refusal' && typeof part.refusal === 'string') return part.refusal;
      throw invalidRequest(
        `${place}[${index}].type`,
        `${place}[${index}] is of type ${JSON.stringify(part.type)}: models here read text only`,
      );
    })
    .join('\n');
}

type Call = NonNullable<Message['tool_calls']>[number];

function toolCall({ id, function: { name, arguments: text } }: Call, place: string): ToolCallMessage {
  const values = argumentsOf(text, `${place}.function.arguments`);
  return { ...(id && { id }), type: 'function', function: { name, arguments: values } };
}

/** How deep JSON within a text within JSON is looked for. */
const NESTED = 3;

/**
 * The arguments of a call that was made: an object, for templates take nothing else. A model may have written
 * something else, or have been cut off within it, and the conversation goes on nevertheless: text that holds
 * an object is unwrapped, one that broke off is closed, and what is no object is told under the key
 * `arguments`.
 *
 * @param param the field, for errors.
 * @throws KvasirError `invalid_request` where it is deeper or larger than JSON may be.
 */
export function argumentsOf(text: string, param: string, nested = NESTED): Readonly<Record<string, unknown>> {
  if (text.trim() === '') return {};
  let value: unknown = text;
  for (const candidate of [text, ...endings(text)]) {
    const parsed = parsedField(candidate, param);
    if (parsed === undefined) continue;
    value = parsed.value;
    break;
  }
  if (value === null) return {};
  if (typeof value === 'string' && value !== text && nested > 0) return argumentsOf(value, param, nested - 1);
  return typeof value === 'object' && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : { arguments: value };
}

function parsedField(text: string, param: string): ParsedJson | undefined {
  try {
    return parseJsonIfAny(text, param);
  } catch (error) {
    throw invalidRequest(param, (error as Error).message);
  }
}
