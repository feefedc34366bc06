import { createHash, randomBytes } from 'node:crypto';
import type { ChatMessage, ToolCallMessage } from '../messages.js';

/** Forms that a template may demand of a conversation with calls. */
export interface Demands {
  /** Whether ids must be nine letters and digits (Mistral). */
  readonly shortIds: boolean;
  /** Whether a message that has only calls must have no content, instead of an empty one. */
  readonly nullContent: boolean;
  /** Whether results must name the function. */
  readonly namedResults: boolean;
  /** Whether arguments must be JSON as text, instead of an object (DeepSeek). */
  readonly textArguments: boolean;
}

/** All combinations, from the least to the most. */
export const DEMANDS: readonly Demands[] = Array.from({ length: 16 }, (_, bits) => ({
  shortIds: (bits & 1) > 0,
  nullContent: (bits & 2) > 0,
  textArguments: (bits & 4) > 0,
  namedResults: (bits & 8) > 0,
}));

/** Messages in the form that a template demands. */
export function fitted(messages: readonly ChatMessage[], demands: Demands): ChatMessage[] {
  const { shortIds, nullContent, namedResults, textArguments } = demands;
  const names = new Map<string, string>();
  const id = (given: string): string =>
    shortIds && !/^[a-zA-Z0-9]{9}$/.test(given) ? shortened(given) : given;
  return messages.map((message): ChatMessage => {
    const { content, tool_calls: calls, tool_call_id: answers } = message;
    if (calls !== undefined) {
      for (const call of calls) if (call.id !== undefined) names.set(call.id, call.function.name);
      return {
        ...message,
        ...(nullContent && content === '' && NO_CONTENT),
        tool_calls: calls.map(call => ({
          ...call,
          ...(call.id !== undefined && { id: id(call.id) }),
          ...(textArguments && { function: withText(call.function) }),
        })),
      };
    }
    if (answers === undefined) return message;
    const name = message.name ?? names.get(answers);
    return {
      ...message,
      tool_call_id: id(answers),
      ...(namedResults && name !== undefined && { name }),
    };
  });
}

/** Types do not tell of the few templates that take what they are not to be given. */
const NO_CONTENT = { content: null } as unknown as { content: string };

function withText(called: ToolCallMessage['function']): ToolCallMessage['function'] {
  const text: unknown = JSON.stringify(called.arguments);
  return { ...called, arguments: text as Record<string, unknown> };
}

/** An id of nine letters and digits for any id, always the same. */
function shortened(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 9);
}

/** An id for a call in Mistral's form. */
export function shortId(): string {
  return randomBytes(16).toString('base64').replace(/[+/=]/g, '').padEnd(9, '0').slice(0, 9);
}

/** An id for a call in OpenAI's form. */
export function longId(): string {
  return `call_${randomBytes(12).toString('hex')}`;
}
