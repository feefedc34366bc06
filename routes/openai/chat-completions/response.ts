import { answerPieces } from '#http/json-answer.js';
import type { OutputPart } from '#chat/output.js';
import type { ChatLogprobs, ChatPiece } from '#api/chat/choice.js';
import { chatUsage, type ChatEvents } from '../chat-usage.js';
import type { ChatJob } from '#api/chat/job.js';
import type { ChatCompletionChoice, ChatCompletionChunk } from './schema.js';

/** What every completion and chunk begins with. */
export interface ChatHead {
  readonly id: string;
  readonly created: number;
  readonly model: string;
}

/** Waits for the whole message; its JSON, in pieces. */
export async function chatCompletion(
  head: ChatHead,
  job: ChatJob,
  events: ChatEvents,
): Promise<Iterable<string>> {
  const pieces: ChatPiece[][] = job.choices.map(() => []);
  for await (const [index, event] of events) pieces[index]!.push(job.choices[index]!.add(event));
  return answerPieces({ ...head, object: 'chat.completion' }, 'choices', choices(pieces, job), {
    usage: chatUsage(job),
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
  includeUsage: boolean,
): AsyncGenerator<ChatCompletionChunk> {
  const chunk = (
    index: number,
    delta: ChatCompletionChunk['choices'][number]['delta'],
    logprobs: ChatLogprobs | null = null,
    finish_reason: ChatPiece['finishReason'] = null,
  ): ChatCompletionChunk => ({
    ...head,
    object: 'chat.completion.chunk',
    choices: [{ index, delta, logprobs, finish_reason }],
    ...(includeUsage && { usage: null }),
  });
  const begun = new Set<number>();
  for await (const [index, event] of events) {
    const { parts, logprobs, finishReason } = job.choices[index]!.add(event);
    if (!begun.has(index)) {
      begun.add(index);
      yield chunk(index, { role: 'assistant', content: '' });
    }
    // Log-probabilities go with the first part, or on their own.
    let rest = logprobs !== null && logprobs.content.length > 0 ? logprobs : null;
    for (const part of parts) {
      yield chunk(index, deltaOf(part, job), rest);
      rest = null;
    }
    if (finishReason !== null) yield chunk(index, {}, rest, finishReason);
    else if (rest !== null) yield chunk(index, {}, rest);
  }
  if (includeUsage) yield { ...head, object: 'chat.completion.chunk', choices: [], usage: chatUsage(job) };
}

function deltaOf(part: OutputPart, job: ChatJob): ChatCompletionChunk['choices'][number]['delta'] {
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
    finish_reason: pieces.at(-1)?.finishReason ?? 'stop',
  };
}
