import type { ChatMessage, ToolCallMessage } from './messages.js';
import type { FunctionTool } from './tools.js';

/**
 * A conversation with tools for a template that knows of none: the functions are described in the system
 * message, calls are text of the assistant in the form of Hermes, and results are messages of the user.
 *
 * @param tools what may be called; with none, calls and results of earlier turns are written nevertheless.
 * @param system whether the template takes a system message; otherwise it begins the first message.
 */
export function withPlainTools(
  messages: readonly ChatMessage[],
  tools: readonly FunctionTool[],
  system = true,
): ChatMessage[] {
  const plain: ChatMessage[] = [];
  for (const message of described(messages, tools)) {
    const { tool_calls: calls = [], tool_call_id: _, ...rest } = message;
    const last = plain.at(-1);
    const own: ChatMessage =
      message.role === 'tool'
        ? { role: 'user', content: `${RESULT}\n${message.content}\n</tool_response>` }
        : { ...rest, content: joined([message.content, ...calls.map(written)]) };
    // Templates of this kind often want users and assistants to take turns.
    if (own.role === 'user' && last?.role === 'user' && last.content.startsWith(RESULT))
      plain[plain.length - 1] = { ...last, content: joined([last.content, own.content]) };
    else plain.push(own);
  }
  const [first, second] = plain;
  if (system || second === undefined || !isSystem(first)) return plain;
  return [{ ...second, content: `${first.content}\n\n${second.content}` }, ...plain.slice(2)];
}

const RESULT = '<tool_response>';

/** The system message tells of the tools, after what it says already. */
function described(messages: readonly ChatMessage[], tools: readonly FunctionTool[]): readonly ChatMessage[] {
  if (tools.length === 0) return messages;
  const [first, ...rest] = messages;
  if (!isSystem(first)) return [{ role: 'system', content: instructions(tools) }, ...messages];
  return [{ ...first, content: `${first.content}\n\n${instructions(tools)}` }, ...rest];
}

function isSystem(message: ChatMessage | undefined): message is ChatMessage {
  return message !== undefined && /^(?:system|developer)$/.test(message.role);
}

function joined(texts: readonly string[]): string {
  return texts.filter(text => text !== '').join('\n');
}

function instructions(tools: readonly FunctionTool[]): string {
  return `You may call functions to help with what the user asks. The functions, one JSON object in each line:

${tools.map(tool => JSON.stringify(tool.function)).join('\n')}

To call a function, write its name and its arguments as JSON, once for each call, in this form:

${written({ type: 'function', function: { name: 'name', arguments: { key: 'value' } } })}`;
}

function written({ function: { name, arguments: values } }: ToolCallMessage): string {
  return `<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": ${JSON.stringify(values)}}\n</tool_call>`;
}
