import { answerPieces } from '#http/json-answer.js';
import type { OutputPart } from '#chat/output.js';
import type { ChatPiece } from '#api/chat/choice.js';
import { chatUsage, type ChatEvents } from '../chat-usage.js';
import type { ChatJob } from '#api/chat/job.js';
import { joinLists } from '../join-lists.js';
import type { StreamOptions } from '../report-schema.js';
import type { ChatCompletionChoice, ChatCompletionChunk } from './schema.js';

/** What every completion and chunk begins with. */
export interface ChatHead {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
}

type ChunkChoice = ChatCompletionChunk['choices'][number];
type Delta = ChunkChoice['delta'];

/** Waits for the whole message; its JSON, in pieces. */
export async function chatCompletion(
  head: ChatHead,
  job: ChatJob,
  events: ChatEvents,
): Promise<Iterable<string>> {
  const pieces: ChatPiece[][] = job.choices.map(() => []);
  for await (const [index, event] of events) pieces[index]!.push(job.choices[index]!.add(event));
  const promptLogprobs = joinLists((pieces[0] ?? []).map(piece => piece.promptLogprobs));
  return answerPieces({ ...head, object: 'chat.completion' }, 'choices', choices(pieces, job), {
    usage: chatUsage(job),
    ...(promptLogprobs && { prompt_logprobs: promptLogprobs }),
    ...(job.promptIds && { prompt_token_ids: job.promptIds }),
  });
}

function* choices(pieces: readonly ChatPiece[][], job: ChatJob): Generator<ChatCompletionChoice> {
  let index = 0;
  for (const own of pieces) yield choice(own, index++, job);
}

/** The message as it comes. */
export async function* chatChunks(
  head: ChatHead,
  job: ChatJob,
  events: ChatEvents,
  { include_usage: atEnd, continuous_usage_stats: always }: StreamOptions,
): AsyncGenerator<ChatCompletionChunk> {
  const chunk = (index: number, delta: Delta, more: Partial<ChunkChoice> = {}): ChatCompletionChunk => ({
    ...head,
    object: 'chat.completion.chunk',
    choices: [{ index, delta, logprobs: null, finish_reason: null, ...more }],
    ...(always ? { usage: chatUsage(job) } : atEnd && { usage: null }),
  });
  const begun = new Set<number>();
  for await (const [index, event] of events) {
    const piece = job.choices[index]!.add(event);
    const { parts, finishReason, stopReason, promptLogprobs } = piece;
    if (!begun.has(index)) {
      const first = chunk(index, { role: 'assistant', content: '' });
      yield begun.size === 0 && job.promptIds ? { ...first, prompt_token_ids: [...job.promptIds] } : first;
      begun.add(index);
    }
    if (promptLogprobs) yield { ...chunk(index, {}), prompt_logprobs: promptLogprobs };
    // What is told of tokens goes with the first part, or on its own.
    let rest: Partial<ChunkChoice> | undefined = tokenReport(piece);
    for (const part of parts) {
      yield chunk(index, deltaOf(part, job), rest);
      rest = undefined;
    }
    if (finishReason !== null)
      yield chunk(
        index,
        {},
        { ...rest, finish_reason: finishReason, ...(stopReason !== null && { stop_reason: stopReason }) },
      );
    else if (rest !== undefined) yield chunk(index, {}, rest);
  }
  if (atEnd) yield { ...head, object: 'chat.completion.chunk', choices: [], usage: chatUsage(job) };
}

/** What a piece tells of its tokens; undefined where that is nothing. */
function tokenReport({ logprobs, tokenIds }: ChatPiece): Partial<ChunkChoice> | undefined {
  const told = logprobs !== null && logprobs.content.length > 0;
  const ids = tokenIds !== undefined && tokenIds.length > 0;
  if (!told && !ids) return undefined;
  return { ...(told && { logprobs }), ...(ids && { token_ids: [...tokenIds] }) };
}

function deltaOf(part: OutputPart, job: ChatJob): Delta {
  switch (part.type) {
    case 'text':
      return { content: part.text };
    case 'call':
      return {
        tool_calls: [
          {
            index: part.index,
            id: job.newCallId(),
            type: 'function',
            function: { name: part.name, arguments: '' },
          },
        ],
      };
    case 'arguments':
      return { tool_calls: [{ index: part.index, function: { arguments: part.text } }] };
  }
}

function choice(pieces: readonly ChatPiece[], index: number, job: ChatJob): ChatCompletionChoice {
  const parts = pieces.flatMap(piece => piece.parts);
  const text = parts.map(part => (part.type === 'text' ? part.text : '')).join('');
  const calls = parts.flatMap(part => {
    if (part.type !== 'call') return [];
    const own = parts.map(other =>
      other.type === 'arguments' && other.index === part.index ? other.text : '',
    );
    return [
      {
        id: job.newCallId(),
        type: 'function' as const,
        function: { name: part.name, arguments: own.join('') },
      },
    ];
  });
  const logprobs = pieces.flatMap(piece => piece.logprobs ?? []);
  const tokenIds = joinLists(pieces.map(piece => piece.tokenIds));
  const last = pieces.at(-1);
  return {
    index,
    message: {
      role: 'assistant',
      content: text === '' && calls.length > 0 ? null : text,
      refusal: null,
      ...(calls.length > 0 && { tool_calls: calls }),
    },
    logprobs:
      logprobs.length === 0 ? null : { content: logprobs.flatMap(({ content }) => content), refusal: null },
    finish_reason: last?.finishReason ?? 'stop',
    ...((last?.stopReason ?? null) !== null && { stop_reason: last!.stopReason! }),
    ...(tokenIds && { token_ids: tokenIds }),
  };
}
