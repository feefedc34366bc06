import { answerPieces } from '#http/json-answer.js';
import type { GenerationEvent } from '#engine/types.js';
import { usage, type Usage } from '../usage.js';
import type { ChoicePiece } from '#api/completion/choice.js';
import type { CompletionJob } from '#api/completion/job.js';
import { choicePieces } from '#api/completion/pieces.js';
import type { Logprobs } from '#api/completion/logprobs.js';
import { joinLists } from '../join-lists.js';
import type { StreamOptions } from '../report-schema.js';
import type { CompletionChoice } from './schema.js';

/** What every completion and chunk begins with. */
export interface CompletionHead {
  readonly id: string;
  readonly object: 'text_completion';
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
}

type Events = AsyncIterable<readonly [index: number, event: GenerationEvent]>;

/** Waits for the whole completion; its JSON, in pieces. */
export async function completion(
  head: CompletionHead,
  job: CompletionJob,
  events: Events,
): Promise<Iterable<string>> {
  const pieces: ChoicePiece[][] = job.choices.map(() => []);
  for await (const [request, event] of events)
    for (const [index, piece] of choicePieces(job, request, event)) pieces[index]!.push(piece);
  return answerPieces(head, 'choices', choices(job, pieces), { usage: jobUsage(job) });
}

function* choices(job: CompletionJob, pieces: readonly ChoicePiece[][]): Generator<CompletionChoice> {
  let index = 0;
  for (const candidate of best(job))
    // A search may find fewer texts than were wanted.
    if (pieces[candidate]!.length > 0) yield choice(index++, join(pieces[candidate]!));
}

/** The completion as it comes. */
export async function* completionChunks(
  head: CompletionHead,
  job: CompletionJob,
  events: Events,
  { include_usage: atEnd, continuous_usage_stats: always }: StreamOptions,
): AsyncGenerator<CompletionHead & { choices: CompletionChoice[]; usage?: Usage | null }> {
  for await (const [request, event] of events)
    for (const [index, piece] of choicePieces(job, request, event)) {
      const usage = always ? { usage: jobUsage(job) } : atEnd ? { usage: null } : {};
      yield { ...head, choices: [choice(index, piece)], ...usage };
    }
  if (atEnd) yield { ...head, choices: [], usage: jobUsage(job) };
}

/**
 * The candidates to give back: for each prompt the `n` with the highest log-probability per token, the best
 * first.
 */
function best({ choices, candidates, n }: CompletionJob): number[] {
  const all = choices.map((_, index) => index);
  if (candidates === n) return all;
  return all
    .filter(index => index % candidates === 0)
    .flatMap(first =>
      all
        .slice(first, first + candidates)
        .sort((a, b) => choices[b]!.meanLogprob - choices[a]!.meanLogprob)
        .slice(0, n),
    );
}

function join(pieces: readonly ChoicePiece[]): ChoicePiece {
  const last = pieces.at(-1);
  return {
    text: pieces.map(piece => piece.text).join(''),
    logprobs: joinLogprobs(pieces.flatMap(piece => piece.logprobs ?? [])),
    finishReason: last?.finishReason ?? null,
    stopReason: last?.stopReason ?? null,
    promptLogprobs: joinLists(pieces.map(piece => piece.promptLogprobs)),
    promptIds: joinLists(pieces.map(piece => piece.promptIds)),
    tokenIds: joinLists(pieces.map(piece => piece.tokenIds)),
  };
}

function joinLogprobs(parts: readonly Logprobs[]): Logprobs | null {
  if (parts.length === 0) return null;
  return {
    tokens: parts.flatMap(part => part.tokens),
    token_logprobs: parts.flatMap(part => part.token_logprobs),
    top_logprobs: parts.flatMap(part => part.top_logprobs),
    text_offset: parts.flatMap(part => part.text_offset),
  };
}

function choice(index: number, piece: ChoicePiece): CompletionChoice {
  const { text, logprobs, finishReason, stopReason, promptLogprobs, promptIds, tokenIds } = piece;
  return {
    index,
    text,
    logprobs,
    finish_reason: finishReason,
    ...(stopReason !== null && { stop_reason: stopReason }),
    ...(promptLogprobs && { prompt_logprobs: promptLogprobs }),
    ...(promptIds && { prompt_token_ids: [...promptIds] }),
    ...(tokenIds && { token_ids: [...tokenIds] }),
  };
}

function jobUsage({ promptTokens, choices, candidates }: CompletionJob): Usage {
  return usage(
    promptTokens,
    choices.reduce((sum, { tokens }) => sum + tokens, 0),
    // Of a prompt's candidates, the later ones find what the first has put into the cache.
    choices.reduce((sum, { cachedTokens }, index) => sum + (index % candidates === 0 ? cachedTokens : 0), 0),
  );
}
