import type { GenerationEvent } from '#engine/types.js';
import type { ChoicePiece } from './choice.js';
import type { CompletionJob } from './job.js';

/**
 * What one event adds to the choices of a job, each with its index.
 *
 * @param request the index of the request that the event is of.
 */
export function* choicePieces(
  { choices, textsEach }: CompletionJob,
  request: number,
  event: GenerationEvent,
): Generator<readonly [choice: number, piece: ChoicePiece]> {
  const first = request * textsEach;
  const events =
    event.type === 'delta' && event.hypotheses !== undefined
      ? event.hypotheses.map(hypothesis => ({ ...event, ...hypothesis }))
      : [event];
  for (const [index, own] of events.entries()) {
    const piece = choices[first + index]!.add(own);
    if (piece !== undefined) yield [first + index, piece];
  }
}
