import type { GenerationEngine, GenerationEvent, GenerationRequest } from '#engine/types.js';
import type { SequenceObserver } from './observers.js';
import { Turns } from '#turns.js';
import { SequenceWatch } from './sequence-watch.js';

/** Whom the sequences of one request are for. */
export interface Audience {
  /**
   * Aborts when nobody wants them any more: all are taken back at once, whether or not anybody reads their
   * events.
   */
  readonly signal: AbortSignal;
  readonly observers?: readonly SequenceObserver[];
}

/**
 * Starts the sequences of one HTTP request together: they all run, or none does. One that fails later takes
 * the others with it.
 *
 * @returns events with the index of their sequence, in the order in which they come.
 * @throws KvasirError what the engine refuses, synchronously.
 */
export function generateAll(
  engine: GenerationEngine,
  requests: readonly GenerationRequest[],
  { signal, observers = [] }: Audience,
): AsyncIterable<readonly [index: number, event: GenerationEvent]> {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  const watch = new SequenceWatch(requests, observers);
  const leave = (): void => {
    abort();
    signal.removeEventListener('abort', abort);
  };
  const end = (error?: unknown): void => {
    leave();
    watch.end(error);
  };
  try {
    const sources = engine.generateAll(requests, controller.signal);
    return merge(sources, (index, event) => watch.see(index, event), end);
  } catch (error) {
    leave();
    throw error;
  }
}

/**
 * Reads several sources at the same time. Of each, the next item is asked for when the last one was taken, so
 * that a slow reader makes every source wait.
 *
 * @param onItem called for each item when it comes.
 * @param onEnd called when the reading ends, for whatever reason.
 */
async function* merge<T>(
  sources: readonly AsyncIterable<T>[],
  onItem: (index: number, item: T) => void,
  onEnd: (error?: unknown) => void,
): AsyncGenerator<readonly [index: number, item: T], void, undefined> {
  const iterators = sources.map(source => source[Symbol.asyncIterator]());
  const arrived: { readonly index: number; readonly result: IteratorResult<T, unknown> }[] = [];
  let failure: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;
  const fetch = (index: number): void => {
    iterators[index]!.next()
      .then(
        result => {
          if (!result.done) onItem(index, result.value);
          arrived.push({ index, result });
        },
        (error: unknown) => (failure ??= { error }),
      )
      .finally(() => wake?.());
  };
  try {
    iterators.forEach((_, index) => fetch(index));
    const turns = new Turns();
    for (let open = iterators.length; open > 0;) {
      if (failure !== undefined) throw failure.error;
      const next = arrived.shift();
      if (next === undefined) {
        await new Promise<void>(resolve => (wake = resolve));
        turns.restart();
      } else if (next.result.done) {
        open--;
      } else {
        if (turns.isOver) await turns.next();
        yield [next.index, next.result.value];
        fetch(next.index);
      }
    }
  } finally {
    onEnd(failure?.error);
  }
}
