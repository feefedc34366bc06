import { randomUUID } from 'node:crypto';
import type { OutputPart } from '#chat/output.js';
import type { FinishReason } from '#engine/types.js';
import { chatUsage, type ChatEvents } from '../chat-usage.js';
import type { ChatJob } from '#api/chat/job.js';
import type { ChatLogprobs, ChatPiece } from '#api/chat/choice.js';
import { outputLogprobs } from './task.js';
import type { OutputItem, Response, ResponseLogprob, ResponseRequest } from './schema.js';

/** An event of a response's stream; its number is added when it is sent. */
type Event = { readonly type: string } & Readonly<Record<string, unknown>>;

type OutputMessage = Extract<OutputItem, { type: 'message' }>;

/** Writes a response as its parts come: the same object in a stream and in one answer. */
export class ResponseWriter {
  readonly #job: ChatJob;
  readonly #base: Omit<Response, 'status' | 'incomplete_details' | 'output' | 'usage'>;
  readonly #items: OutputItem[] = [];
  /** The item that is being written. */
  #open: { item: OutputItem; index: number; call: number | undefined } | undefined;
  #end: FinishReason | undefined;
  readonly #tokenIds: number[] | undefined;
  /** Whether the log-probabilities of a message's tokens are asked for. */
  readonly #tellsLogprobs: boolean;
  /** Those whose text has not been told yet. */
  #untold: ResponseLogprob[] = [];

  constructor(id: string, body: ResponseRequest, model: string, job: ChatJob) {
    this.#job = job;
    this.#tokenIds = job.promptIds && [];
    this.#tellsLogprobs = outputLogprobs(body) !== undefined;
    this.#base = {
      id,
      object: 'response',
      created_at: Math.floor(Date.now() / 1000),
      error: null,
      instructions: body.instructions ?? null,
      max_output_tokens: body.max_output_tokens ?? null,
      model,
      parallel_tool_calls: body.parallel_tool_calls ?? true,
      previous_response_id: null,
      store: false,
      temperature: job.requests[0]!.sampling.temperature,
      text: { format: body.text?.format ?? { type: 'text' } },
      tool_choice: body.tool_choice ?? 'auto',
      tools: body.tools ?? [],
      top_p: body.top_p ?? job.requests[0]!.sampling.topP,
      top_logprobs: body.top_logprobs ?? 0,
      truncation: body.truncation ?? 'disabled',
      ...(job.promptIds && { prompt_token_ids: [...job.promptIds] }),
      metadata: body.metadata ?? {},
    };
  }

  /** The response as far as it is written. */
  response(): Response {
    const { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details } = chatUsage(this.#job);
    return {
      ...this.#base,
      status: this.#status(),
      incomplete_details: this.#end === 'length' ? { reason: 'max_output_tokens' } : null,
      output: this.#items,
      ...(this.#tokenIds && { token_ids: this.#tokenIds }),
      usage:
        this.#end === undefined
          ? null
          : {
              input_tokens: prompt_tokens,
              input_tokens_details: prompt_tokens_details,
              output_tokens: completion_tokens,
              output_tokens_details: { reasoning_tokens: 0 },
              total_tokens,
            },
    };
  }

  begin(): Event[] {
    return [
      { type: 'response.created', response: this.response() },
      { type: 'response.in_progress', response: this.response() },
    ];
  }

  /** What a piece adds. Its tokens are told with its first text, or else with the next one. */
  add({ parts, logprobs, tokenIds, finishReason }: ChatPiece): Event[] {
    this.#untold.push(...(logprobs?.content ?? []).map(responseLogprob));
    this.#tokenIds?.push(...(tokenIds ?? []));
    const events = parts.flatMap(part => this.#addPart(part));
    return finishReason === null
      ? events
      : [...events, ...this.#finish(finishReason === 'length' ? 'length' : 'stop')];
  }

  #addPart(part: OutputPart): Event[] {
    if (part.type === 'text') return this.#addText(part.text);
    // Tokens of calls are not told.
    this.#untold = [];
    if (part.type === 'call') return [...this.#close(), ...this.#openCall(part.index, part.name)];
    const { item, index } = this.#open!;
    if (item.type === 'function_call') item.arguments += part.text;
    return [
      {
        type: 'response.function_call_arguments.delta',
        item_id: item.id,
        output_index: index,
        delta: part.text,
      },
    ];
  }

  #addText(text: string): Event[] {
    const events = this.#open?.item.type === 'message' ? [] : [...this.#close(), ...this.#openMessage()];
    const { item, index } = this.#open!;
    const logprobs = this.#untold;
    this.#untold = [];
    if (item.type === 'message') {
      const content = item.content[0]!;
      content.text += text;
      content.logprobs?.push(...logprobs);
    }
    const place = { item_id: item.id, output_index: index, content_index: 0 };
    return [...events, { type: 'response.output_text.delta', ...place, delta: text, logprobs }];
  }

  #finish(reason: FinishReason): Event[] {
    const isMessage = this.#items.length === 0 || this.#open?.item.type === 'message';
    const last = isMessage && this.#untold.length > 0 ? this.#addText('') : [];
    this.#end = reason;
    // An answer is an item even if it is empty.
    const empty = this.#items.length === 0 ? this.#openMessage() : [];
    const events = [...last, ...empty, ...this.#close()];
    const type = reason === 'length' ? 'response.incomplete' : 'response.completed';
    return [...events, { type, response: this.response() }];
  }

  #status(): Response['status'] {
    if (this.#end === undefined) return 'in_progress';
    return this.#end === 'length' ? 'incomplete' : 'completed';
  }

  #openMessage(): Event[] {
    const item: OutputMessage = {
      id: newId('msg'),
      type: 'message',
      status: 'in_progress',
      role: 'assistant',
      content: [],
    };
    const index = this.#items.push(item) - 1;
    const added = { type: 'response.output_item.added', output_index: index, item: { ...item, content: [] } };
    item.content.push({
      type: 'output_text',
      text: '',
      annotations: [],
      ...(this.#tellsLogprobs && { logprobs: [] }),
    });
    this.#open = { item, index, call: undefined };
    return [
      added,
      {
        type: 'response.content_part.added',
        item_id: item.id,
        output_index: index,
        content_index: 0,
        part: { ...item.content[0], ...(this.#tellsLogprobs && { logprobs: [] }) },
      },
    ];
  }

  #openCall(call: number, name: string): Event[] {
    const item: OutputItem = {
      id: newId('fc'),
      type: 'function_call',
      status: 'in_progress',
      call_id: this.#job.newCallId(),
      name,
      arguments: '',
    };
    const index = this.#items.push(item) - 1;
    this.#open = { item, index, call };
    return [{ type: 'response.output_item.added', output_index: index, item: { ...item } }];
  }

  /** The open item is complete. */
  #close(): Event[] {
    if (this.#open === undefined) return [];
    const { item, index } = this.#open;
    this.#open = undefined;
    item.status = this.#end === 'length' ? 'incomplete' : 'completed';
    const place = { item_id: item.id, output_index: index };
    const done = { type: 'response.output_item.done', output_index: index, item };
    if (item.type === 'function_call')
      return [
        {
          type: 'response.function_call_arguments.done',
          ...place,
          name: item.name,
          arguments: item.arguments,
        },
        done,
      ];
    const part = item.content[0]!;
    return [
      {
        type: 'response.output_text.done',
        ...place,
        content_index: 0,
        text: part.text,
        logprobs: part.logprobs ?? [],
      },
      { type: 'response.content_part.done', ...place, content_index: 0, part },
      done,
    ];
  }
}

/** Waits for the whole response. */
export async function wholeResponse(
  writer: ResponseWriter,
  job: ChatJob,
  events: ChatEvents,
): Promise<Response> {
  for await (const _ of responseEvents(writer, job, events));
  return writer.response();
}

/** The response as it comes. */
export async function* responseEvents(
  writer: ResponseWriter,
  job: ChatJob,
  events: ChatEvents,
): AsyncGenerator<Event> {
  let number = 0;
  let begun = false;
  const numbered = (list: readonly Event[]): Event[] =>
    list.map(event => ({ ...event, sequence_number: number++ }));
  for await (const [index, event] of events) {
    // Nothing is said before the engine has taken the request: until then, errors have a status of their own.
    if (!begun) yield* numbered(writer.begin());
    begun = true;
    yield* numbered(writer.add(job.choices[index]!.add(event)));
  }
}

function responseLogprob({ bytes, top_logprobs, ...own }: ChatLogprobs['content'][number]): ResponseLogprob {
  const top = top_logprobs.map(({ bytes: other, ...rest }) => ({ ...rest, bytes: other ?? [] }));
  return { ...own, bytes: bytes ?? [], top_logprobs: top };
}

function newId(kind: string): string {
  return `${kind}_${randomUUID().replaceAll('-', '')}`;
}
