import { KvasirError } from '#errors.js';

/** The error of whoever is told to stop. */
export function cancelled(): KvasirError {
  return new KvasirError('cancelled', 'the request was cancelled');
}

/**
 * The same items, until a signal aborts: whoever waits for the next one then waits no longer.
 *
 * @throws KvasirError `cancelled`, and what `items` throws.
 */
export async function* untilAborted<T>(
  items: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const iterator = items[Symbol.asyncIterator]();
  let onAbort!: () => void;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(cancelled());
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  aborted.catch(() => undefined);
  let isOver = false;
  try {
    for (;;) {
      const next = iterator.next();
      next.catch(() => undefined);
      const result = await Promise.race([next, aborted]);
      isOver = result.done === true;
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Who gives the items may be in the middle of one, and hears of the end when it is done.
    if (!isOver) iterator.return?.()?.catch(() => undefined);
  }
}
