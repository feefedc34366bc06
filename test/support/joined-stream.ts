import { eventData } from './http-server.js';

type Json = Record<string, unknown>;

/** One part of a stream's choice. */
interface Piece extends Json {
  readonly index: number;
  readonly text?: string;
  readonly delta?: { readonly content?: string; readonly tool_calls?: unknown };
  readonly logprobs: Readonly<Record<string, readonly unknown[] | null>> | null;
  readonly finish_reason: string | null;
  readonly stop_reason?: unknown;
  readonly token_ids?: readonly unknown[];
  readonly prompt_token_ids?: readonly unknown[];
  readonly prompt_logprobs?: readonly unknown[];
}

interface Chunk extends Json {
  readonly choices: readonly Piece[];
  readonly usage?: unknown;
}

/** The chunks of a stream of completions or chat completions. */
export function chunksOf(stream: string): Chunk[] {
  return eventData(stream)
    .filter(data => data !== '[DONE]')
    .map(data => JSON.parse(data) as Chunk);
}

/** What the chunks of a stream say together, in the form of a whole answer. */
export function joinChunks(chunks: readonly Chunk[]): Json {
  const { choices: _, object, usage: _usage, ...head } = chunks[0]!;
  const indexes = [...new Set(chunks.flatMap(({ choices }) => choices.map(({ index }) => index)))].sort(
    (a, b) => a - b,
  );
  const reports = chunks.flatMap(chunk => (chunk.prompt_logprobs as unknown[] | undefined) ?? []);
  return {
    ...head,
    object: (object as string).replace('.chunk', ''),
    choices: indexes.map(index =>
      joinChoice(chunks.flatMap(({ choices }) => choices.filter(piece => piece.index === index))),
    ),
    usage: chunks.at(-1)!.usage,
    ...(reports.length > 0 && { prompt_logprobs: reports }),
  };
}

function joinChoice(pieces: readonly Piece[]): Json {
  const last = pieces.at(-1)!;
  const isChat = pieces[0]!.delta !== undefined;
  const text = pieces.map(({ text: own, delta }) => own ?? delta?.content ?? '').join('');
  return {
    index: last.index,
    ...(isChat ? { message: { role: 'assistant', content: text, refusal: null } } : { text }),
    logprobs: joinLogprobs(pieces.flatMap(({ logprobs }) => (logprobs === null ? [] : [logprobs]))),
    finish_reason: last.finish_reason,
    ...(last.stop_reason !== undefined && { stop_reason: last.stop_reason }),
    ...joinField(pieces, 'prompt_logprobs'),
    ...joinField(pieces, 'prompt_token_ids'),
    ...joinField(pieces, 'token_ids'),
  };
}

function joinLogprobs(parts: readonly NonNullable<Piece['logprobs']>[]): Json | null {
  const [first] = parts;
  if (first === undefined) return null;
  return Object.fromEntries(
    Object.keys(first).map(key => [key, first[key] === null ? null : parts.flatMap(part => part[key] ?? [])]),
  );
}

function joinField(
  pieces: readonly Piece[],
  field: 'prompt_logprobs' | 'prompt_token_ids' | 'token_ids',
): Json {
  if (pieces.every(piece => piece[field] === undefined)) return {};
  return { [field]: pieces.flatMap(piece => piece[field] ?? []) };
}
