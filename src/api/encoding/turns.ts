import { setImmediate as nextTurn } from 'node:timers/promises';
import { KvasirError } from '#errors.js';

/** How long one request may keep the event loop to itself, in milliseconds. */
const TURN = 10;

/**
 * Maps items one after the other, and lets other requests have their turn every few milliseconds: to tokenize a thousand texts takes
 * seconds.
 *
 * @throws KvasirError `cancelled` if the signal aborts meanwhile.
 */
export async function mapInTurns<T, R>(
  items: readonly T[],
  map: (item: T, index: number) => R,
  signal: AbortSignal,
): Promise<R[]> {
  const results: R[] = [];
  let started = performance.now();
  for (const [index, item] of items.entries()) {
    results.push(map(item, index));
    if (performance.now() - started < TURN) continue;
    await nextTurn();
    if (signal.aborted) throw new KvasirError('cancelled', 'the request was cancelled');
    started = performance.now();
  }
  return results;
}
