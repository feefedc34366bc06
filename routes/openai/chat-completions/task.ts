import type { FunctionTool, ToolChoice } from '#chat/tools.js';
import type { ChatMessage } from '#chat/messages.js';
import { invalidRequest } from '#errors.js';
import { chatMessages } from '../messages.js';
import type { ChatTask } from '#api/chat/job.js';
import { functionTool } from '../tools.js';
import { askedResponseFormat, askedStructure } from '../asked-structure.js';
import type { ChatCompletionRequest } from './schema.js';

/** @throws KvasirError `invalid_request` where fields contradict one another. */
export function chatTask(body: ChatCompletionRequest): ChatTask {
  checkFields(body);
  const tools = (body.tools ?? []).map(tool => functionTool(tool.function, tool));
  const toolChoice = chosen(body, tools);
  const structure = askedStructure(body, askedResponseFormat(body.response_format));
  if (structure !== undefined && tools.length > 0 && toolChoice !== 'none')
    throw invalidRequest(
      structure.param,
      `${structure.param} is allowed only where tool_choice is none: a call has a form of its own`,
    );
  const messages = chatMessages(body.messages);
  return {
    messages,
    messagesParam: 'messages',
    tools,
    toolChoice,
    parallelCalls: body.parallel_tool_calls ?? true,
    structure,
    sampling: body,
    maxTokens: body.max_completion_tokens ?? body.max_tokens ?? undefined,
    n: body.n ?? 1,
    logprobs: body.logprobs ? (body.top_logprobs ?? 0) : undefined,
    addGenerationPrompt: body.add_generation_prompt ?? true,
    continueFinalMessage: body.continue_final_message ?? false,
    variables: {
      ...(body.documents && { documents: body.documents }),
      ...(body.reasoning_effort && { reasoning_effort: body.reasoning_effort }),
      ...body.chat_template_kwargs,
    },
    addSpecialTokens: body.add_special_tokens ?? false,
    cut: body,
    before: body.echo ? lastText(messages) : undefined,
    report: body,
  };
}

/** What the assistant said last, where it is the last to have spoken. */
function lastText(messages: readonly ChatMessage[]): string | undefined {
  const last = messages.at(-1)!;
  return last.role === 'assistant' ? last.content : undefined;
}

function chosen({ tool_choice: choice }: ChatCompletionRequest, tools: readonly FunctionTool[]): ToolChoice {
  if (choice === undefined || choice === null) return tools.length > 0 ? 'auto' : 'none';
  if (choice !== 'none' && tools.length === 0)
    throw invalidRequest('tool_choice', 'tool_choice is allowed only with tools');
  return typeof choice === 'string'
    ? (choice as 'auto' | 'none' | 'required')
    : { name: choice.function.name };
}

function checkFields(body: ChatCompletionRequest): void {
  if (body.stream_options && !body.stream)
    throw invalidRequest('stream_options', 'stream_options is allowed only where stream is true');
  if (body.top_logprobs && !body.logprobs)
    throw invalidRequest('top_logprobs', 'top_logprobs is allowed only where logprobs is true');
  if (!body.continue_final_message) return;
  if (body.messages.at(-1)!.role !== 'assistant')
    throw invalidRequest(
      'continue_final_message',
      'continue_final_message needs a last message of the assistant',
    );
  if (body.add_generation_prompt)
    throw invalidRequest(
      'continue_final_message',
      'continue_final_message is allowed only without add_generation_prompt',
    );
}
