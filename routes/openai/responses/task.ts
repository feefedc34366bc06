import type { ChatMessage, ToolCallMessage } from '#chat/messages.js';
import type { FunctionTool, ToolChoice } from '#chat/tools.js';
import { invalidRequest } from '#errors.js';
import type { ChatTask } from '#api/chat/job.js';
import { argumentsOf, textOf } from '../messages.js';
import { functionTool } from '../tools.js';
import { askedStructure, askedTextFormat } from '../asked-structure.js';
import type { InputItem, ResponseRequest } from './schema.js';

/**
 * @throws KvasirError `invalid_request` where something is asked for that needs a memory, or that is not
 * supported.
 */
export function responseTask(body: ResponseRequest): ChatTask {
  const tools = (body.tools ?? []).map(readTool);
  const toolChoice = chosen(body.tool_choice, tools);
  const structure = askedStructure(body, askedTextFormat(body.text?.format));
  if (structure !== undefined && tools.length > 0 && toolChoice !== 'none')
    throw invalidRequest(
      structure.param,
      `${structure.param} is allowed only where tool_choice is none: a call has a form of its own`,
    );
  const { instructions } = body;
  return {
    messages: [
      ...(instructions ? [{ role: 'system', content: instructions }] : []),
      ...inputMessages(body.input),
    ],
    messagesParam: 'input',
    tools,
    toolChoice,
    parallelCalls: body.parallel_tool_calls ?? true,
    structure,
    sampling: body,
    maxTokens: body.max_output_tokens ?? undefined,
    n: 1,
    logprobs: outputLogprobs(body),
    variables: { ...(body.reasoning?.effort && { reasoning_effort: body.reasoning.effort }) },
    addSpecialTokens: body.add_special_tokens ?? false,
    cut: body,
    dropsMessages: body.truncation === 'auto',
    report: body,
  };
}

/** How many alternatives of each token of a message are reported; undefined: no log-probabilities at all. */
export function outputLogprobs({ include, top_logprobs: top }: ResponseRequest): number | undefined {
  return top || include?.includes('message.output_text.logprobs') ? (top ?? 0) : undefined;
}

/** Calls that follow one another, or a message of the assistant, are one message. */
function inputMessages(input: ResponseRequest['input']): ChatMessage[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }];
  const messages: ChatMessage[] = [];
  input.forEach((item, index) => {
    const place = `input[${index}]`;
    switch (item.type ?? 'message') {
      case 'message':
        messages.push(message(item, place));
        return;
      case 'function_call': {
        const call = functionCall(item, place);
        const last = messages.at(-1);
        if (last?.role === 'assistant')
          messages[messages.length - 1] = { ...last, tool_calls: [...(last.tool_calls ?? []), call] };
        else messages.push({ role: 'assistant', content: '', tool_calls: [call] });
        return;
      }
      case 'function_call_output':
        messages.push({
          role: 'tool',
          content: textOf(needed(item.output, `${place}.output`), `${place}.output`),
          tool_call_id: needed(item.call_id, `${place}.call_id`),
        });
        return;
      case 'reasoning':
        return;
      default:
        throw invalidRequest(
          `${place}.type`,
          `${place} is of type ${JSON.stringify(item.type)}, which is not supported`,
        );
    }
  });
  if (messages.length === 0) throw invalidRequest('input', 'input has no message');
  return messages;
}

function message(item: InputItem, place: string): ChatMessage {
  const content = needed(item.content, `${place}.content`);
  return { role: needed(item.role, `${place}.role`), content: textOf(content, `${place}.content`) };
}

function functionCall(item: InputItem, place: string): ToolCallMessage {
  const name = needed(item.name, `${place}.name`);
  const values = argumentsOf(needed(item.arguments, `${place}.arguments`), `${place}.arguments`);
  return {
    ...(item.call_id && { id: item.call_id }),
    type: 'function',
    function: { name, arguments: values },
  };
}

function readTool(tool: NonNullable<ResponseRequest['tools']>[number], index: number): FunctionTool {
  const place = `tools[${index}]`;
  const { type, ...definition } = tool;
  if (type !== 'function')
    throw invalidRequest(
      `${place}.type`,
      `${place} is of type ${JSON.stringify(type)}: only functions are supported`,
    );
  const named = { ...definition, name: needed(tool.name, `${place}.name`) };
  return functionTool(named, { type, function: definition });
}

function chosen(choice: ResponseRequest['tool_choice'], tools: readonly FunctionTool[]): ToolChoice {
  if (choice === undefined || choice === null || (choice === 'auto' && tools.length === 0))
    return tools.length > 0 ? 'auto' : 'none';
  if (choice !== 'none' && tools.length === 0)
    throw invalidRequest('tool_choice', 'tool_choice is allowed only with tools');
  return typeof choice === 'string' ? (choice as 'auto' | 'none' | 'required') : { name: choice.name };
}

function needed<T>(value: T | null | undefined, param: string): T {
  if (value === undefined || value === null) throw invalidRequest(param, `${param} is required`);
  return value;
}
