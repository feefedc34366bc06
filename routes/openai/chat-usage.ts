import type { GenerationEvent } from '#engine/types.js';
import { usage, type Usage } from './usage.js';
import type { ChatJob } from '#api/chat/job.js';

/** Events of a job's sequences. */
export type ChatEvents = AsyncIterable<readonly [index: number, event: GenerationEvent]>;

export function chatUsage({ promptTokens, choices }: ChatJob): Usage {
  return usage(
    promptTokens,
    choices.reduce((sum, { tokens }) => sum + tokens, 0),
    // Later choices find what the first has put into the cache.
    choices[0]?.cachedTokens ?? 0,
  );
}
