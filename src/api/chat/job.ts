import type { Caller } from '#caller.js';
import type { ChatMessage } from '#chat/messages.js';
import type { ChatTemplate } from '#chat/template.js';
import { conventionsOf } from '#chat/calls/conventions.js';
import { longId } from '#chat/calls/demands.js';
import { ArgumentsReader, CallListReader } from '#chat/calls/forced.js';
import type { CallFormat } from '#chat/calls/format.js';
import { CallReader, TextReader, type OutputReader } from '#chat/output.js';
import { argumentsSchema, callsSchema, type FunctionTool, type ToolChoice } from '#chat/tools.js';
import type { GenerationRequest } from '#engine/types.js';
import { invalidRequest } from '#errors.js';
import type { GenerationModel } from '#registry/types.js';
import {
  forChoice,
  samplingParameters,
  stopConditions,
  type SamplingFields,
} from '../generation/sampling.js';
import { bannedSequences } from '../generation/banned-sequences.js';
import type { PromptCutFields } from '../generation/prompt-cut.js';
import type { ReportFields } from '../generation/report.js';
import { checkParts, constraints, type AskedStructure } from '../generation/structured.js';
import { ChatChoice } from './choice.js';
import { conversationIds } from './conversation.js';

/** What a request for a conversation's next message comes down to, whatever API it came through. */
export interface ChatTask {
  readonly messages: readonly ChatMessage[];
  /** The field that messages come from, for errors. */
  readonly messagesParam: string;
  readonly tools: readonly FunctionTool[];
  readonly toolChoice: ToolChoice;
  /** Whether there may be several calls. */
  readonly parallelCalls: boolean;
  readonly structure: AskedStructure | undefined;
  readonly sampling: SamplingFields;
  /** Undefined: as many as the context holds. */
  readonly maxTokens: number | undefined;
  readonly n: number;
  /** See `GenerationRequest`. */
  readonly logprobs: number | undefined;
  readonly addGenerationPrompt?: boolean | undefined;
  readonly continueFinalMessage?: boolean | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
  /** See {@link ConversationOptions}. */
  readonly addSpecialTokens?: boolean | undefined;
  readonly cut?: PromptCutFields | undefined;
  readonly dropsMessages?: boolean | undefined;
  /** Text that the answer begins with, before what is generated. */
  readonly before?: string | undefined;
  readonly report?: ReportFields | undefined;
}

/** Most calls of one message: as many as one may have that is sent. */
export const MAX_CALLS = 128;

/** Sequences, and what becomes of each. */
export interface ChatJob {
  readonly requests: readonly GenerationRequest[];
  readonly choices: readonly ChatChoice[];
  readonly promptTokens: number;
  /** An id for a call, in the form that the model's template takes. */
  readonly newCallId: () => string;
  /** The prompt's token ids, where they are asked for. */
  readonly promptIds: readonly number[] | undefined;
}

/**
 * @param job the answer's id, after which its sequences are called, and who shares its prompt, see `reuseScope`.
 * @throws KvasirError `invalid_request`, `context_length_exceeded`
 */
export async function chatJob(
  { id, reuseScope }: Pick<GenerationRequest, 'id' | 'reuseScope'>,
  task: ChatTask,
  model: GenerationModel,
  caller: Caller,
): Promise<ChatJob> {
  model.engine.checkRoom(task.n, caller.client);
  const template = templateOf(model, task);
  const tools = task.toolChoice === 'none' ? [] : task.tools;
  const { addGenerationPrompt, continueFinalMessage, variables, messages } = task;
  const hasCalls = tools.length > 0 || messages.some(message => message.tool_calls ?? message.tool_call_id);
  const conventions = hasCalls ? await conventionsOf(template, model.tokenizer, caller) : undefined;
  const conversation = conventions?.fit(messages, tools) ?? { messages, tools };
  const input = { ...conversation, addGenerationPrompt, continueFinalMessage, variables };
  const { contextLength } = model;
  const promptIds = await conversationIds(
    template,
    input,
    {
      param: task.messagesParam,
      addSpecialTokens: task.addSpecialTokens ?? false,
      cut: task.cut ?? {},
      dropsMessages: task.dropsMessages ?? false,
      // What is unknown is a quarter, so that there is an answer.
      reserved: Math.min(
        task.maxTokens ?? model.sampling?.maxTokens ?? contextLength >> 2,
        contextLength - 1,
      ),
    },
    model,
    caller,
  );
  const room = contextLength - promptIds.length;

  const banned = await bannedSequences(task.sampling.bad_words ?? [], model, caller);
  const sampling = { ...samplingParameters(task.sampling, model), bannedSequences: banned };
  const stop = stopConditions(
    task.sampling,
    task.maxTokens ?? Math.min(model.sampling?.maxTokens ?? room, room),
    model,
  );
  const most = task.parallelCalls ? (conventions?.most ?? Infinity) : 1;
  const calls = await forcedCalls(task, most);
  const structure = calls ?? task.structure;
  const constraint = structure && (await constraints(structure, stop, model, caller));
  if (structure && sampling.allowedIds)
    throw invalidRequest('allowed_token_ids', `allowed_token_ids is allowed only without ${structure.param}`);
  const { report = {} } = task;
  const promptTop = report.prompt_logprobs ?? undefined;
  const skipSpecialTokens = task.sampling.skip_special_tokens ?? true;
  const sequences = Array.from({ length: task.n }, (_, index) => {
    const own = constraint?.();
    const isSure = own !== undefined && own.enough <= Math.min(stop.maxTokens, room);
    return { index, own, reader: readerOf(task, conventions?.format, Math.min(most, MAX_CALLS), isSure) };
  });
  return {
    requests: sequences.map(({ index, own }) => ({
      id: `${id}-${index}`,
      client: caller.client,
      promptIds,
      ...(reuseScope !== undefined && { reuseScope }),
      sampling: forChoice(sampling, index),
      stop,
      logprobs: task.logprobs,
      // It is the same for all choices.
      promptLogprobs: index === 0 ? promptTop : undefined,
      skipSpecialTokens,
      ...(own && { constraint: own }),
      ...(tools.length > 0 && { spelledIds: conventions?.spelledIds }),
    })),
    choices: sequences.map(
      ({ own, reader }) =>
        new ChatChoice(model.tokenizer, reader, {
          stopTokenIds: stop.stopTokenIds,
          eosIds: model.eosIds,
          logprobs: task.logprobs !== undefined,
          promptLogprobs: promptTop,
          tokenIds: report.return_token_ids ?? false,
          tokensAsIds: report.return_tokens_as_token_ids ?? false,
          before: task.before,
          // Whoever named a function knows that a call comes.
          callsFinish: typeof task.toolChoice === 'string',
          calls: calls && own,
        }),
    ),
    promptTokens: promptIds.length,
    newCallId: conventions?.newId ?? longId,
    promptIds: report.return_token_ids ? promptIds : undefined,
  };
}

function templateOf({ id, chat }: GenerationModel, { messagesParam }: ChatTask): ChatTemplate {
  if (chat === undefined)
    throw invalidRequest(
      messagesParam,
      `the model ${JSON.stringify(id)} has no chat template: it was not made for conversations; use /v1/completions`,
    );
  return chat;
}

/** The structure of an answer that must be a call. */
async function forcedCalls(
  { tools, toolChoice }: ChatTask,
  most: number,
): Promise<AskedStructure | undefined> {
  if (toolChoice === 'auto' || toolChoice === 'none') return undefined;
  tools.forEach(({ function: { parameters } }, index) => {
    const type = parameters?.type;
    if (type !== undefined && ![type].flat().includes('object'))
      throw invalidRequest(
        `tools[${index}].function.parameters.type`,
        `tools[${index}].function.parameters must be the schema of an object: arguments are one`,
      );
  });
  await checkParts(
    'tools',
    tools.map(tool => tool.function.parameters ?? {}),
    pointer => {
      const match = /^\/(\d+)(.*)$/s.exec(pointer);
      return match === null
        ? { param: 'tools', pointer: '' }
        : { param: `tools[${match[1]!}].function.parameters`, pointer: match[2]! };
    },
  );
  if (toolChoice === 'required') {
    return {
      param: 'tools',
      structure: { kind: 'schema', schema: callsSchema(tools, most) },
      locate: pointer => {
        const match = /^\/items\/anyOf\/(\d+)\/properties\/parameters(.*)$/s.exec(pointer);
        return match === null
          ? { param: 'tools', pointer: '' }
          : { param: `tools[${match[1]!}].function.parameters`, pointer: match[2]! };
      },
    };
  }
  const index = tools.findIndex(({ function: { name } }) => name === toolChoice.name);
  const tool = tools[index];
  if (tool === undefined)
    throw invalidRequest(
      'tool_choice',
      `tool_choice names ${JSON.stringify(toolChoice.name)}, which is not among the tools`,
    );
  return {
    param: `tools[${index}].function.parameters`,
    structure: { kind: 'schema', schema: argumentsSchema(tool) },
  };
}

/** @param isSure whether what must be a call is sure to be whole in the end. */
function readerOf(
  { tools, toolChoice }: ChatTask,
  format: CallFormat | undefined,
  most: number,
  isSure: boolean,
): OutputReader {
  if (typeof toolChoice === 'object') return new ArgumentsReader(toolChoice.name, isSure);
  if (toolChoice === 'required') return new CallListReader(most, isSure);
  if (toolChoice === 'none' || format === undefined) return new TextReader();
  return new CallReader(format, { most, tools });
}
